// Live interoperability with the official COS Python SDK, both ways, over real sockets: `npm run test:interop`.
//
//   --quick              leaves out 64 MiB
//   ourWrites theirWrites serverSide plain formats    only these parts; formats is with the Java and Go SDKs
//   SEALSTREAM_PYTHON    the Python to run; default python3
//   PYTHONPATH           where the SDK is, if it is not installed
//   SEALSTREAM_DIST      the built package; default dist
//   SEALSTREAM_JAVA_CLASSPATH, SEALSTREAM_GO_PEER    the Java and Go SDKs: java-peer.js, go-peer.js
//   SEALSTREAM_SEED      repeats the order and ranges of another run
//
// Exit codes: 0 all passed; 1 something failed; 2 the SDK or something it needs is not installed.
import { formats } from './official-formats.js'
import { ourWrites } from './our-writes.js'
import { NotInstalled, Peer } from './peer.js'
import { plain } from './plain.js'
import { Results } from './results.js'
import { serverSide } from './server-side.js'
import { theirWrites } from './their-writes.js'
import { load, SIZES, Workshop } from './workshop.js'

const PARTS = { ourWrites, theirWrites, serverSide, plain, formats }

const names = process.argv.slice(2).filter((name) => name !== '--quick')
const unknown = names.find((name) => !(name in PARTS))
const sizes = process.argv.includes('--quick') ? SIZES.slice(0, -1) : SIZES
const seed = Number(process.env.SEALSTREAM_SEED ?? Date.now() % 2 ** 32)

// Everything of format cos-python under AES says that it is weak; here that is the point.
const warnings = []
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.code !== 'SEALSTREAM_WEAK_WRAP') warnings.push(warning)
})

const showProgress = (passed, attempted) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${passed}/${attempted} `)
}

async function main() {
  if (unknown !== undefined) {
    console.error(`no part ${unknown}; there are ${Object.keys(PARTS).join(' ')}, and --quick`)
    return 2
  }
  const shop = await Workshop.make({ sizes, seed })
  let peer
  let server
  try {
    peer = await Peer.start(shop.folder)
    const { startServer } = await load('server/index.js')
    server = await startServer()
    const results = new Results(showProgress)
    console.log(`${peer.version}; Node.js ${process.version}; seed ${seed}`)
    for (const [name, part] of Object.entries(PARTS)) {
      if (names.length === 0 || names.includes(name)) await part({ shop, peer, server, results })
    }
    await results.check({ wrote: 'sealstream', read: '', what: 'warns of nothing unforeseen' }, () => {
      if (warnings.length > 0) throw new Error(`${warnings.length} warnings, the first: ${warnings[0].stack}`)
    })
    if (process.stderr.isTTY) process.stderr.write('\r')
    results.print(console.log)
    return results.passed === results.attempted && results.attempted > 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof NotInstalled)) throw error
    console.error(error.message)
    return 2
  } finally {
    await peer?.close()
    await server?.close()
    await shop.remove()
  }
}

process.exitCode = await main()
