// Keys that need escaping, in paths, listings and presigned URLs.
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { equal, refusal, sameBody } from './workshop.js'

const SDK = 'Python SDK'
const US = 'sealstream'

// The SDK takes a leading slash off its keys, and we refuse segments that are dots.
export const KEYS = [
  'plain.txt',
  'a b/c d',
  'a+b',
  '100%',
  '%2F%20',
  'x#y?z&w=1',
  '目录/文件 🔑',
  "!'()*~$,;:@[]{}|^`",
  'a//b',
  'ends/',
  'ends./x',
  '.hidden/..x',
  'back\\slash',
  '"<&>"',
  'e\u0301 and \u00e9',
  `${'long/'.repeat(169)}end`,
]

/** Puts by one, reads, lists and deletes by the other, and sees that it is gone by the first. */
export const KEY_ATTEMPTS = [
  {
    wrote: SDK,
    read: US,
    what: `plain, ${KEYS.length} keys: put_object; get, head, list, delete`,
    attempt: async ({ shop, ours, sdk, Key }) => {
      const text = `content of ${Key}`
      await shop.withFile(Buffer.from(text), (path) =>
        sdk('put_object', { Key, Body: { $bytes: path }, Metadata: { 'x-cos-meta-note': 'a b+c%' } }),
      )
      const { Body, Metadata } = await ours.getObject({ Key })
      equal(await Body.transformToString(), text, 'Body')
      equal(Metadata.note, 'a b+c%', 'Metadata')
      equal((await ours.headObject({ Key })).ContentLength, Buffer.byteLength(text), 'ContentLength')
      const { Contents } = await ours.listObjects({ Prefix: Key })
      equal(Contents.map((entry) => entry.Key).join(), Key, 'listed')
      await ours.deleteObject({ Key })
      equal((await refusal(sdk('head_object', { Key }), 'a deleted object')).status, 404, 'status')
    },
  },
  {
    wrote: US,
    read: SDK,
    what: `plain, ${KEYS.length} keys: putObject; get, head, list, delete`,
    attempt: async ({ ours, sdk, Key }) => {
      const text = `content of ${Key}`
      await ours.putObject({
        Key,
        Body: text,
        Metadata: { note: 'a b+c%' },
        ContentType: 'text/plain; charset=utf-8',
      })
      const got = await sdk('get_object', { Key })
      sameBody(got, Buffer.from(text))
      equal(got['x-cos-meta-note'], 'a b+c%', 'Metadata')
      equal((await sdk('head_object', { Key }))['Content-Type'], 'text/plain; charset=utf-8', 'Content-Type')
      const { Contents } = await sdk('list_objects', { Prefix: Key })
      equal(Contents.map((entry) => entry.Key).join(), Key, 'listed')
      await sdk('delete_object', { Key })
      equal((await refusal(ours.headObject({ Key }), 'a deleted object')).status, 404, 'status')
    },
  },
  {
    wrote: SDK,
    read: US,
    what: `plain, ${KEYS.length} keys: get_presigned_url; PUT and GET by fetch; getObject`,
    attempt: async ({ ours, sdk, signed, fetched, Key }) => {
      const words = `signed for ${Key}`
      await fetched(await signed(Key, 'PUT'), 'PUT', words)
      equal(await (await ours.getObject({ Key })).Body.transformToString(), words, 'Body')
      equal(await fetched(await signed(Key, 'GET')), words, 'fetched')
      await ours.deleteObject({ Key })
    },
  },
  {
    wrote: US,
    read: SDK,
    what: `plain, ${KEYS.length} keys: presign; PUT and GET by fetch; get_object`,
    attempt: async ({ ours, sdk, signed, fetched, Key }) => {
      const words = `signed for ${Key}`
      await fetched(await ours.presign({ Key, Method: 'PUT' }), 'PUT', words)
      sameBody(await sdk('get_object', { Key }), Buffer.from(words))
      equal(await fetched(await ours.presign({ Key })), words, 'fetched')
      await sdk('delete_object', { Key })
    },
  },
]

/** Requests to presigned URLs without any SDK; whatever host they name, they go to the one port. */
export function fetcher(port) {
  return async (url, method = 'GET', body = '') => {
    const { host, pathname, search } = new URL(url)
    const headers = { host, ...(method === 'PUT' ? { 'content-length': Buffer.byteLength(body) } : {}) }
    const sent = request({ host: '127.0.0.1', port, path: pathname + search, method, headers })
    sent.end(body)
    const [answer] = await once(sent, 'response')
    const said = await text(answer)
    if (answer.statusCode >= 300) throw new Error(`${method} of ${url}: ${answer.statusCode} ${said}`)
    return said
  }
}
