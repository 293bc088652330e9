/** The process warning of cos-python under an AES master key; in child processes, because it comes once in each. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Outcome {
  warnings: { name: string; code: string; message: string; detail: string }[]
}

/** Runs statements with the library at hand and gives the warnings the process saw. */
async function warningsOf(statements: string): Promise<Outcome['warnings']> {
  const script = `
    import { AesMasterKey } from './lib/keys/aes-master-key.ts'
    import { RsaMasterKey } from './lib/keys/rsa-master-key.ts'
    import { createEnvelope, openEnvelope } from './lib/envelope/envelope.ts'
    const warnings = []
    process.on('warning', ({ name, code, message, detail }) => warnings.push({ name, code, message, detail }))
    ${statements}
    await new Promise((resolve) => setTimeout(resolve, 10))
    process.stdout.write(JSON.stringify({ warnings }))
  `
  const argv = [
    '--no-warnings',
    '--import',
    'ts-blank-space/register',
    '--input-type=module',
    '--eval',
    script,
  ]
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: ROOT })
  return (JSON.parse(stdout) as Outcome).warnings.filter(({ code }) => code === 'SEALSTREAM_WEAK_WRAP')
}

describe('the warning SEALSTREAM_WEAK_WRAP', () => {
  it('comes once for 6 envelopes of cos-python under 2 AES master keys', async () => {
    const warnings = await warningsOf(`
      for (const master of [AesMasterKey.generate(), AesMasterKey.generate()]) {
        for (let n = 0; n < 3; n++) await createEnvelope(master, { format: 'cos-python' })
      }
    `)
    expect(warnings.length).to.equal(1)
    expect(warnings[0]!.name).to.equal('Warning')
    expect(warnings[0]!.message).to.include('cos-python').and.to.include('AES master key')
    expect(warnings[0]!.detail).to.include('format cos')
  })

  it('does not come for cos, for RSA, or for opening', async () => {
    const warnings = await warningsOf(`
      const aes = AesMasterKey.from(Buffer.alloc(32, 1))
      await createEnvelope(aes, { format: 'cos' })
      await createEnvelope(await RsaMasterKey.generate(2048), { format: 'cos-python' })
      const metadata = {
        'x-cos-meta-client-side-encryption-key': Buffer.alloc(32).toString('base64'),
        'x-cos-meta-client-side-encryption-iv': Buffer.alloc(16).toString('base64'),
      }
      const opened = await openEnvelope(metadata, aes, { policy: 'any' })
      if (opened.keyVerified) throw new Error('keyVerified')
    `)
    expect(warnings).to.deep.equal([])
  })
})
