// The authenticated format: bound to a context, readable by several keys, rewrapped without moving a byte, verified.
import { AesMasterKey, CosEncryptionClient, Keyring, RsaMasterKey } from 'sealstream'
import { startServer } from 'sealstream/server'

const server = await startServer()
const service = {
  endpoint: server.endpoint,
  credentials: server.credentials,
  bucket: 'examplebucket-1250000000',
}
const office = AesMasterKey.generate()
const archive = await RsaMasterKey.generate()
const context = { tenant: 'blue', document: '7' } // not stored: whoever reads has to know it

const writer = new CosEncryptionClient({
  ...service,
  masterKey: new Keyring({ write: [office, archive] }),
  format: 'sealed',
  context,
})
await writer.putObject({ Key: 'seven', Body: 'nobody changes this unnoticed' })

// Either key reads it alone, and any range of it is proven before it is given out.
const reader = new CosEncryptionClient({ ...service, masterKey: archive, format: 'sealed', context })
const { Body, authenticated } = await reader.getObject({ Key: 'seven', Range: 'bytes=-9' })
console.log(await Body.transformToString(), authenticated) // unnoticed true

// In another place, or under another name, it is refused.
const misled = new CosEncryptionClient({
  ...service,
  masterKey: archive,
  format: 'sealed',
  context: { ...context, document: '8' },
})
const refusal = await misled
  .getObject({ Key: 'seven' })
  .then((answer) => answer.Body.transformToString())
  .catch((error) => error)
console.log(refusal.code) // SEALSTREAM_COMMITMENT

// One recipient goes, another comes; the bytes stay where they are.
const next = AesMasterKey.generate()
const { recipients } = await reader.rewrap({ Key: 'seven', add: [next], remove: [office.id] })
console.log(recipients.length, recipients.includes(next.id)) // 2 true
console.log((await reader.verify({ Key: 'seven' })).verified) // aead

await Promise.all([writer.close(), reader.close(), misled.close(), server.close()])
