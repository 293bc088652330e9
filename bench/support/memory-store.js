// An object store that costs as little as one in Node.js can, in a process of its own, so that its cost is not the client's: requests are
// read off the socket without an HTTP parser, bodies are counted and thrown away, or kept in memory where they are to be fetched again.
//
// It checks nothing. Its ETags are no MD5 and it states no CRC-64, as a store that encrypts under KMS may: clients compute both all the
// same.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const SELF = fileURLToPath(import.meta.url)

/**
 * Starts a store.
 *
 * @param options - `keep: true` keeps what is stored.
 * @returns Its endpoint, and what ends it.
 */
export async function startMemoryStore({ keep = false } = {}) {
  const child = fork(SELF, ['serve', String(keep)])
  const [{ port }] = await once(child, 'message')
  return { endpoint: `http://127.0.0.1:${port}`, close: () => child.kill() }
}

/** Path to object: its parts in order, its length, and the headers that describe it. */
const objects = new Map()

const xml = (name, inner) => `<?xml version="1.0"?><${name}>${inner}</${name}>`

/** What a request that is read to its end is answered: status, headers, body. */
function answer({ method, path, query, headers, body, length }) {
  const object = objects.get(path) ?? { parts: [], lengths: [], headers: '' }
  objects.set(path, object)
  const described = headers.split('\r\n').filter((line) => /^x-cos-meta-/i.test(line))
  if (method === 'POST' && query.has('uploads')) {
    Object.assign(object, { parts: [], lengths: [], headers: described })
    return [
      200,
      [],
      xml('InitiateMultipartUploadResult', `<Bucket>b</Bucket><Key>k</Key><UploadId>1</UploadId>`),
    ]
  }
  if (method === 'POST') {
    const inner = '<Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>"x-1"</ETag>'
    return [200, [], xml('CompleteMultipartUploadResult', inner)]
  }
  if (method === 'PUT') {
    const number = Number(query.get('partNumber') ?? 1) - 1
    if (!query.has('partNumber')) Object.assign(object, { parts: [], lengths: [], headers: described })
    object.lengths[number] = length
    object.parts[number] = body
    return [200, [], '']
  }
  if (method === 'DELETE') return [204, [], '']
  const total = object.lengths.reduce((sum, each) => sum + each, 0)
  const [, from, to] = /^range: *bytes=(\d+)-(\d*)/im.exec(headers) ?? []
  const start = Number(from ?? 0)
  const end = Math.min(total - 1, to ? Number(to) : total - 1)
  const range = from === undefined ? [] : [`Content-Range: bytes ${start}-${end}/${total}`]
  const facts = [...object.headers, ...range, `Content-Length: ${end - start + 1}`]
  return [
    from === undefined ? 200 : 206,
    facts,
    method === 'HEAD' ? [] : slices(object.parts, start, end + 1),
  ]
}

/** The bytes of a stretch, as views. */
function slices(parts, start, end) {
  const found = []
  let offset = 0
  for (const part of parts) {
    if (offset + part.length > start && offset < end)
      found.push(part.subarray(Math.max(0, start - offset), end - offset))
    offset += part.length
  }
  return found
}

/** One connection: requests one after another. */
function serve(socket, keep) {
  let head = Buffer.alloc(0)
  let request
  let left = 0
  const finish = () => {
    const [status, facts, body] = answer(request)
    const bytes = typeof body === 'string' ? [Buffer.from(body)] : body
    const length = facts.some((fact) => fact.startsWith('Content-Length'))
      ? []
      : [`Content-Length: ${body.length}`]
    const lines = [`HTTP/1.1 ${status} OK`, 'ETag: "x-1"', 'x-cos-request-id: 1', ...facts, ...length]
    socket.cork()
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    for (const each of bytes) socket.write(each)
    socket.uncork()
    request = undefined
  }
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    let bytes = chunk
    while (bytes.length > 0) {
      if (request === undefined) {
        head = head.length === 0 ? bytes : Buffer.concat([head, bytes])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        const text = head.toString('latin1', 0, end)
        bytes = head.subarray(end + 4)
        head = Buffer.alloc(0)
        const [method, target] = text.split(' ')
        const { pathname: path, searchParams: query } = new URL(target, 'http://localhost')
        const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0)
        request = {
          method,
          path,
          query,
          headers: text,
          length,
          body: keep ? Buffer.allocUnsafeSlow(length) : undefined,
        }
        left = length
      } else {
        const piece = bytes.subarray(0, left)
        request.body?.set(piece, request.length - left)
        left -= piece.length
        bytes = bytes.subarray(piece.length)
      }
      if (left === 0) finish()
    }
  })
}

if (process.argv[1] === SELF && process.argv[2] === 'serve') {
  const server = createServer({ highWaterMark: 1024 * 1024 }, (socket) =>
    serve(socket, process.argv[3] === 'true'),
  )
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
  process.on('disconnect', () => process.exit())
}
