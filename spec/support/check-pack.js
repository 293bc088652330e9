// Packs the tarball, installs it in an empty folder, and uses it there as strangers would.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sealstream-pack-'))

function run(command, args, cwd = folder) {
  const output = execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  return output.trim()
}

function check(what, ok, found) {
  if (!ok) throw new Error(`${what}: ${found}`)
  console.log(`ok: ${what}`)
}

try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], ROOT))
  const files = packed.files.map(({ path }) => path)
  const strangers = files.filter(
    (path) => !/^(dist\/.*\.(js|d\.ts|js\.map)|README\.md|LICENSE|NOTICE|package\.json)$/.test(path),
  )
  check(
    `the tarball holds ${files.length} files: dist, README, LICENSE, NOTICE`,
    strangers.length === 0,
    strangers,
  )

  writeFileSync(join(folder, 'package.json'), '{"name":"stranger","private":true}')
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, packed.filename)])

  for (const name of readdirSync(join(ROOT, 'examples')).filter((file) => file.endsWith('.js'))) {
    cpSync(join(ROOT, 'examples', name), join(folder, name.replace(/\.js$/, '.mjs')))
    const said = run(process.execPath, [name.replace(/\.js$/, '.mjs')])
    check(`examples/${name} runs against it`, said !== '', said)
  }

  const required = run(process.execPath, ['--no-warnings', '-p', "Object.keys(require('sealstream')).length"])
  check(`require() gives ${required} names`, Number(required) > 20, required)

  const version = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
  const bin = run('npx', ['--no-install', 'sealstream', '--version'])
  check(`the command says ${version}`, bin === version, bin)

  writeFileSync(
    join(folder, 'consumer.ts'),
    `import { CosEncryptionClient, RsaMasterKey, encryptStream, createEnvelope, type EncryptedGetResult } from 'sealstream'
import { startServer, type RunningServer } from 'sealstream/server'
const server: RunningServer = await startServer()
const masterKey = await RsaMasterKey.generate(2048)
const client = new CosEncryptionClient({ endpoint: server.endpoint, credentials: server.credentials, masterKey, format: 'cos' })
const got: EncryptedGetResult = await client.getObject({ Bucket: 'b-1', Key: 'k', Range: 'bytes=0-1' })
const bytes: Uint8Array = await got.Body.transformToByteArray()
const { dataKey, metadata } = await createEnvelope(masterKey, { format: 'cos' })
const stream: NodeJS.ReadWriteStream = encryptStream(dataKey, { start: 0 })
// @ts-expect-error -- a format is required
new CosEncryptionClient({ masterKey })
console.log(bytes, metadata, stream)
`,
  )
  const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types')]
  const strict = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedIndexedAccess',
    '--skipLibCheck',
    'false',
  ]
  const target = ['--noEmit', '--target', 'es2023', '--module', 'nodenext', '--moduleResolution', 'nodenext']
  writeFileSync(join(folder, 'package.json'), '{"name":"stranger","private":true,"type":"module"}')
  run(process.execPath, [
    join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'),
    ...target,
    ...strict,
    ...types,
    'consumer.ts',
  ])
  check('a strict TypeScript consumer compiles, library types checked', true)

  const bundle = join(folder, 'bundle.mjs')
  const banner =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
  run(join(ROOT, 'node_modules', '.bin', 'esbuild'), [
    'first.mjs',
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--log-level=error',
    `--banner:js=${banner}`,
    `--outfile=${bundle}`,
  ])
  rmSync(join(folder, 'node_modules'), { recursive: true })
  check('an esbuild bundle of it runs alone', run(process.execPath, [bundle]) === 'reads')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
