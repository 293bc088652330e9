/** Encrypts 512 MiB through a Transform in a process of its own, and prints how many pages were faulted in for each page of output. */
import { once } from 'node:events'
import { DataKey } from '../../lib/crypto/data-key.js'
import { encryptStream } from '../../lib/stream/cipher-stream.js'

const CHUNK = Buffer.alloc(256 * 1024, 5)
const CHUNKS = 2048
const PAGE_BYTES = 4096

const faults = (): number => process.resourceUsage().minorPageFault

const stream = encryptStream(DataKey.generate('cos'))
stream.resume()
const before = faults()
for (let chunk = 0; chunk < CHUNKS; chunk++) {
  if (!stream.write(CHUNK)) await once(stream, 'drain')
}
stream.end()
await once(stream, 'close')
console.log(((faults() - before) * PAGE_BYTES) / (CHUNK.length * CHUNKS))
