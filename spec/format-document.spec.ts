/** docs/format.md against a reader and writer made of nothing but node:crypto, and against this package. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { AesMasterKey, DataKey, openEnvelope } from '../lib/index.js'
import { writeEnvelope } from '../lib/envelope/write-envelope.js'

const document = readFileSync(new URL('../docs/format.md', import.meta.url), 'utf8')
const context = { tenant: 'blue', document: '7' }
const masterKey = sequence(0x00, 32)
const dataKey = sequence(0x40, 32)
const salt = sequence(0x80, 24)

function sequence(first: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => first + index))
}

/** The hex that stands behind a name, over as many lines as it takes. */
function worked(name: string): Buffer {
  const match = new RegExp(`^${name} +([0-9a-f\\s]+?)(?=\\n[a-z\`])`, 'm').exec(document)
  expect(match, name).not.to.equal(null)
  return Buffer.from((match?.[1] ?? '').replace(/\s/g, ''), 'hex')
}

function header(name: string): string {
  return new RegExp(`^${name}: (.+)$`, 'm').exec(document)?.[1] ?? ''
}

/** As the document describes it. */
function derive(): { key: Buffer; nonce: Buffer; commitment: Buffer; context: Buffer } {
  const pairs = [
    ['document', '7'],
    ['tenant', 'blue'],
  ].flatMap(([name = '', value = '']) => [u16(name), Buffer.from(name), u16(value), Buffer.from(value)])
  const bound = Buffer.concat([Buffer.from('sealstream/1\0cobblestone-256\0'), ...pairs])
  const info = Buffer.concat([Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'), salt, bound])
  const first = createHmac('sha512', dataKey).update(info).update(Uint8Array.of(1)).digest()
  const second = createHmac('sha512', dataKey).update(first).update(info).update(Uint8Array.of(2)).digest()
  const all = Buffer.concat([first, second])
  return {
    key: all.subarray(0, 32),
    nonce: all.subarray(32, 44),
    commitment: all.subarray(44, 76),
    context: bound,
  }
}

function u16(text: string): Buffer {
  const length = Buffer.byteLength(text)
  return Buffer.from([length >> 8, length & 0xff])
}

describe('docs/format.md', () => {
  it('has the bytes that its text describes', () => {
    const { key, nonce, commitment, context: bound } = derive()
    expect(worked('context')).to.deep.equal(bound)
    expect(worked('key')).to.deep.equal(key)
    expect(worked('base nonce')).to.deep.equal(nonce)
    expect(worked('commitment')).to.deep.equal(commitment)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    const chunk = Buffer.concat([cipher.update('hello'), cipher.final(), cipher.getAuthTag()])
    expect(worked('body')).to.deep.equal(Buffer.concat([salt, commitment, chunk]))
  })

  it('has the envelope that its text describes', () => {
    const wrappingKey = Buffer.from(hkdfSync('sha256', masterKey, '', 'sealstream/1 AES-KW', 32))
    const id = Buffer.from(hkdfSync('sha256', masterKey, '', 'sealstream key id', 8)).toString('hex')
    expect(worked('wrapping key')).to.deep.equal(wrappingKey)
    expect(worked('key id').toString('hex')).to.equal(id)
    const [kind, keyId, wrapped = ''] = header('x-cos-meta-sealstream-recipient-1').split('.')
    expect([kind, keyId]).to.deep.equal(['aes', id])
    const unwrap = createDecipheriv('id-aes256-wrap', wrappingKey, Buffer.alloc(8, 0xa6))
    const unwrapped = Buffer.concat([unwrap.update(Buffer.from(wrapped, 'base64url')), unwrap.final()])
    expect(unwrapped).to.deep.equal(dataKey)
  })

  it('is what this package writes and reads', async () => {
    const key = AesMasterKey.from(masterKey)
    const known = DataKey.from({ format: 'sealed', key: dataKey, iv: salt, context })
    const metadata = await writeEnvelope(key, known)
    for (const [name, value] of Object.entries(metadata)) expect(header(name), name).to.equal(value)
    const encryptor = known.encryptor()
    const body = Buffer.concat([encryptor.update(Buffer.from('hello')), encryptor.final()])
    expect(body).to.deep.equal(worked('body'))
    const opened = await openEnvelope(metadata, key, { policy: 'authenticated', context })
    const decryptor = opened.dataKey.decryptor()
    expect(Buffer.concat([decryptor.update(body), decryptor.final()]).toString()).to.equal('hello')
  })
})
