// Master keys that never come here: Tencent KMS, or whatever you write yourself.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { CosEncryptionClient, DataKey, KmsMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const server = await startServer() // its KMS stands in for the real one
const service = {
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
}

const masterKey = new KmsMasterKey({
  keyId: 'example-key',
  region: 'ap-beijing',
  endpoint: server.kmsEndpoint, // leave it out for the real service
  credentials: server.credentials,
  cache: true, // unwrapped data keys are kept for a few minutes: reading only
})
const client = new CosEncryptionClient({ ...service, masterKey, format: 'sealed' })
await client.putObject({ Key: 'kept', Body: 'under a key of KMS' })
console.log(await (await client.getObject({ Key: 'kept' })).Body.transformToString()) // under a key of KMS

// The COS SDKs for Java and Go read this one: their description is what is called context here.
const shared = new CosEncryptionClient({ ...service, masterKey, format: 'cos', context: { team: 'blue' } })
await shared.putObject({ Key: 'shared', Body: 'for the others' })

/** A master key of your own: here a toy that masks data keys, where yours would ask an HSM. */
class OwnMasterKey {
  id = 'own-1'
  #secret = Buffer.alloc(32, 7)

  async wrap(dataKey) {
    return dataKey.withBytes((key) => {
      const mask = Buffer.from(hkdfSync('sha256', this.#secret, '', 'mask', key.length))
      const masked = Buffer.from(key.map((byte, at) => byte ^ mask[at]))
      const wrapped = Buffer.concat([masked, this.#tag(masked)])
      return { format: 'sealed', scheme: 'custom', key: wrapped, iv: Buffer.alloc(0) }
    })
  }

  async unwrap({ key: wrapped }) {
    const masked = Buffer.from(wrapped.subarray(0, 32))
    if (!timingSafeEqual(this.#tag(masked), wrapped.subarray(32))) throw new Error('not mine')
    const mask = Buffer.from(hkdfSync('sha256', this.#secret, '', 'mask', 32))
    return DataKey.from({ format: 'sealed', key: masked.map((byte, at) => byte ^ mask[at]) })
  }

  #tag(masked) {
    return createHmac('sha256', this.#secret).update(masked).digest()
  }
}
const own = new CosEncryptionClient({ ...service, masterKey: new OwnMasterKey(), format: 'sealed' })
await own.putObject({ Key: 'own', Body: 'wrapped my way' })
console.log(await (await own.getObject({ Key: 'own' })).Body.transformToString()) // wrapped my way

masterKey.close()
await Promise.all([client.close(), shared.close(), own.close(), server.close()])
