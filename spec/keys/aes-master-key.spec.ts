import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { Wrapped } from '../../lib/keys/master-key.js'
import { masterKeyContract } from '../support/master-key-contract.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const random = new Seeded(70)
const KEYS = { 128: random.bytes(16), 192: random.bytes(24), 256: random.bytes(32) }
const COUNTING = Buffer.from(Array.from({ length: 32 }, (_, n) => n))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const wrong = (value: unknown): never => value as never

for (const [bits, bytes] of Object.entries(KEYS)) {
  describe(`AesMasterKey of ${bits} bits`, () => {
    masterKeyContract(`AES-${bits}`, () => AesMasterKey.from(bytes), ['cos', 'cos-python'])

    it('is the same key from Base64 text and from bytes', () => {
      expect(AesMasterKey.from(bytes.toString('base64')).id).to.equal(AesMasterKey.from(bytes).id)
    })

    it('wraps for cos to 40 and 24 bytes by AES key wrap', async () => {
      const wrapped = await AesMasterKey.from(bytes).wrap(DataKey.generate('cos'))
      expect(wrapped.scheme).to.equal('aes-kw')
      expect([wrapped.key.length, wrapped.iv.length]).to.deep.equal([40, 24])
    })

    it('wraps for cos-python to 32 and 16 bytes by the keystream', async () => {
      const wrapped = await AesMasterKey.from(bytes).wrap(DataKey.generate('cos-python'))
      expect(wrapped.scheme).to.equal('aes-ctr')
      expect([wrapped.key.length, wrapped.iv.length]).to.deep.equal([32, 16])
    })

    it('has the first 8 bytes of HKDF-SHA-256 with info "sealstream key id" as id', () => {
      const extracted = createHmac('sha256', Buffer.alloc(32)).update(bytes).digest()
      const expanded = createHmac('sha256', extracted).update('sealstream key id\x01').digest('hex')
      expect(AesMasterKey.from(bytes).id).to.equal(expanded.slice(0, 16))
    })

    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      it(`has an id that is no part of the plain ${algorithm} of the key`, () => {
        const { id } = AesMasterKey.from(bytes)
        for (const input of [bytes, bytes.toString('base64'), hex(bytes)]) {
          expect(createHash(algorithm).update(input).digest('hex')).to.not.include(id)
        }
      })
    }

    for (const [printer, print] of Object.entries(PRINTERS)) {
      it(`hides the key from ${printer}`, () => {
        expectNoTrace(print(AesMasterKey.from(bytes)), bytes, printer)
      })
    }
  })
}

describe('AesMasterKey.generate', () => {
  for (const bits of [128, 192, 256] as const) {
    it(`makes a key of ${bits} bits`, async () => {
      const path = folder(`key-${bits}`)
      await AesMasterKey.generate(bits).toFile(path)
      expect(Buffer.from(await readFile(path, 'utf8'), 'base64').length).to.equal(bits / 8)
    })
  }

  it('makes a key of 256 bits when not told', async () => {
    await AesMasterKey.generate().toFile(folder('key'))
    expect(Buffer.from(await readFile(folder('key'), 'utf8'), 'base64').length).to.equal(32)
  })

  it('makes another key every time', () => {
    expect(new Set(Array.from({ length: 100 }, () => AesMasterKey.generate().id)).size).to.equal(100)
  })

  for (const bits of [0, 64, 127, 160, 512, NaN, '256', null]) {
    it(`refuses ${inspect(bits)} bits`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => AesMasterKey.generate(wrong(bits)))
      expect(error).to.include({ option: 'bits' })
    })
  }

  const folder = temporaryFolder()
})

describe('AesMasterKey.from', () => {
  for (const length of [0, 1, 8, 15, 17, 23, 25, 31, 33, 40, 64]) {
    it(`refuses ${length} bytes`, async () => {
      await refused('SEALSTREAM_KEY_FORMAT', () => AesMasterKey.from(Buffer.alloc(length, 1)))
    })

    it(`refuses the Base64 text of ${length} bytes`, async () => {
      const text = Buffer.alloc(length, 1).toString('base64')
      await refused('SEALSTREAM_KEY_FORMAT', () => AesMasterKey.from(text))
    })
  }

  // Bytes whose Base64 has both letters that the URL-safe alphabet replaces, and padding.
  const bytes = Buffer.from('fbeffbeffbfffffffffffffffbeffbefff00112233445566778899aabbccddee', 'hex')
  const text = bytes.toString('base64')
  for (const [title, sloppy] of [
    ['the URL-safe alphabet', text.replaceAll('+', '-').replaceAll('/', '_')],
    ['missing padding', text.replace('=', '')],
    ['a space inside', `${text.slice(0, 10)} ${text.slice(10)}`],
    ['a line feed inside', `${text.slice(0, 10)}\n${text.slice(10)}`],
    ['two keys in two lines', `${text}\n${text}`],
    ['too much padding', `${text}=`],
    ['text after the padding', `${text}AAAA`],
    ['a character that is not Base64', `${text.slice(0, 10)}*${text.slice(10)}`],
    ['bits after the last byte', `${text.slice(0, -2)}5=`],
    ['hex', hex(bytes)],
    ['quotes', `"${text}"`],
    ['PEM', `-----BEGIN KEY-----\n${text}\n-----END KEY-----\n`],
  ] as const) {
    it(`refuses Base64 with ${title}`, async () => {
      expect(sloppy).to.not.equal(text)
      await refused('SEALSTREAM_KEY_FORMAT', () => AesMasterKey.from(sloppy))
    })
  }

  it('takes Base64 with a line feed at the end', () => {
    expect(AesMasterKey.from(`${text}\n`).id).to.equal(AesMasterKey.from(bytes).id)
  })

  for (const value of [
    undefined,
    null,
    5,
    {},
    [1, 2],
    new Uint16Array(16),
    new DataView(new ArrayBuffer(16)),
  ]) {
    it(`refuses ${inspect(value)}`, async () => {
      await refused('SEALSTREAM_KEY_FORMAT', () => AesMasterKey.from(wrong(value)))
    })
  }

  it('refuses a KeyObject', async () => {
    const key = createSecretKey(bytes)
    await refused('SEALSTREAM_KEY_FORMAT', () => AesMasterKey.from(wrong(key)))
  })

  it('copies the bytes: the caller may wipe them', async () => {
    const mine = Buffer.from(KEYS[256])
    const wrapped = await AesMasterKey.from(mine).wrap(DataKey.generate('cos'))
    const master = AesMasterKey.from(mine)
    mine.fill(0)
    await master.unwrap(wrapped)
  })

  it('leaves the bytes as they were', () => {
    const mine = Buffer.from(KEYS[256])
    AesMasterKey.from(mine)
    expect(mine.equals(KEYS[256])).to.equal(true)
  })

  it('names the expected form and shows no key text in the error', async () => {
    const secret = random.bytes(31)
    const error = await failureOf(() => AesMasterKey.from(secret.toString('base64')))
    expect(error.message).to.include('Base64').and.to.include('16, 24 or 32 bytes')
    expectNoTrace(inspect(error, { depth: 10, showHidden: true }), secret, 'the error')
  })
})

describe('AesMasterKey id', () => {
  it('has 16 hex digits', () => {
    expect(AesMasterKey.generate().id).to.match(/^[0-9a-f]{16}$/)
  })

  it('differs when one bit of the key differs', () => {
    const other = Buffer.from(KEYS[256])
    other[31]! ^= 1
    expect(AesMasterKey.from(other).id).to.not.equal(AesMasterKey.from(KEYS[256]).id)
  })

  it('differs between a key and the same key with zeros after it', () => {
    const longer = Buffer.concat([KEYS[128], Buffer.alloc(16)])
    expect(AesMasterKey.from(longer).id).to.not.equal(AesMasterKey.from(KEYS[128]).id)
  })
})

describe('AesMasterKey.wrap for cos-python', () => {
  it('gives the keystream of wire-formats G under 00..1f for a data key and IV of zeros', async () => {
    const zeros = DataKey.from({ format: 'cos-python', key: Buffer.alloc(32), iv: Buffer.alloc(16) })
    const wrapped = await AesMasterKey.from(COUNTING).wrap(zeros)
    expect(hex(wrapped.key)).to.equal('f29000b62a499fd0a9f39a6add2e7780f05d76ae4ab99fe5a6f69b3148c2363d')
    expect(hex(wrapped.iv)).to.equal('0ebcb5deb52c83bd08a8a935182c9199')
  })

  it('uses the same keystream for every data key: this is what the warning is about', async () => {
    const master = AesMasterKey.generate()
    const [a, b] = [random.bytes(32), random.bytes(32)]
    const wrap = async (key: Buffer): Promise<Uint8Array> =>
      (await master.wrap(DataKey.from({ format: 'cos-python', key, iv: Buffer.alloc(16) }))).key
    const [wrappedA, wrappedB] = [await wrap(a), await wrap(b)]
    expect(hex(wrappedA.map((byte, n) => byte ^ wrappedB[n]!))).to.equal(
      hex(a.map((byte, n) => byte ^ b[n]!)),
    )
  })
})

describe('AesMasterKey.wrap for cos', () => {
  it('gives the bytes of wire-formats G under 00..1f for key 40..5f and IV a0..af', async () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, n) => 0x40 + n))
    const iv = Buffer.from(Array.from({ length: 16 }, (_, n) => 0xa0 + n))
    const wrapped = await AesMasterKey.from(COUNTING).wrap(DataKey.from({ format: 'cos', key, iv }))
    expect(hex(wrapped.key)).to.equal(
      'bd2a276ae8c7464c7e8b396674ac6e0e9558c84c6009b3fa413cf06a67a200823e4d720df2419fa9',
    )
    expect(hex(wrapped.iv)).to.equal('dca059d4ac7cacfeb9cfe2aa0f38634f803d71d09c761de0')
  })
})

describe('AesMasterKey.unwrap', () => {
  const master = AesMasterKey.from(KEYS[256])

  it('refuses what an RSA master key wrapped, as of another kind', async () => {
    const wrapped: Wrapped = {
      format: 'cos',
      scheme: 'rsa-oaep-sha1',
      key: Buffer.alloc(256),
      iv: Buffer.alloc(256),
    }
    const error = await refused('SEALSTREAM_KEY_KIND', () => master.unwrap(wrapped))
    expect(error.message).to.include('RSA').and.to.include('AES')
  })

  it('refuses AES key wrap under another key', async () => {
    const wrapped = await master.wrap(DataKey.generate('cos'))
    await refused('SEALSTREAM_UNWRAP', () => AesMasterKey.generate().unwrap(wrapped))
  })

  it('refuses an exchanged key and IV', async () => {
    const { key, iv, ...rest } = await master.wrap(DataKey.generate('cos'))
    await refused('SEALSTREAM_UNWRAP', () => master.unwrap({ ...rest, key: iv, iv: key }))
  })

  it('refuses a wrapped IV in the place of the key with one and the same message as a wrong key', async () => {
    const wrapped = await master.wrap(DataKey.generate('cos'))
    const damaged = await failureOf(() => master.unwrap({ ...wrapped, key: wrapped.iv }))
    const wrongKey = await failureOf(() => AesMasterKey.generate().unwrap(wrapped))
    const badIv = await failureOf(() => master.unwrap({ ...wrapped, iv: Buffer.alloc(24) }))
    expect([damaged.message, badIv.message]).to.deep.equal([wrongKey.message, wrongKey.message])
  })

  for (const [keyLength, ivLength] of [
    [0, 16],
    [31, 16],
    [33, 16],
    [32, 0],
    [32, 15],
    [32, 17],
    [16, 32],
  ] as const) {
    it(`refuses a keystream-wrapped key of ${keyLength} and IV of ${ivLength} bytes`, async () => {
      const wrapped: Wrapped = {
        format: 'cos-python',
        scheme: 'aes-ctr',
        key: Buffer.alloc(keyLength),
        iv: Buffer.alloc(ivLength),
      }
      await refused('SEALSTREAM_UNWRAP', () => master.unwrap(wrapped))
    })
  }

  it('unwraps from plain Uint8Arrays that view a larger memory', async () => {
    const wrapped = await master.wrap(DataKey.from({ format: 'cos-python', key: KEYS[256], iv: KEYS[128] }))
    const memory = new Uint8Array(100)
    memory.set(wrapped.key, 3)
    memory.set(wrapped.iv, 60)
    const views = { ...wrapped, key: memory.subarray(3, 35), iv: memory.subarray(60, 76) }
    const dataKey = await master.unwrap(views)
    await dataKey.withBytes((key) => expect(key.equals(KEYS[256])).to.equal(true))
  })
})
