import { expect } from 'chai'
import {
  codeOf,
  complete,
  documentOf,
  first,
  initiate,
  MIB,
  uploaded,
  uploadPart,
} from '../support/multipart-requests.js'
import { objectPath, rawRequest } from '../support/raw-request.js'
import { serversOfSpec } from '../support/server-files.js'

const path = objectPath('a')

describe('server: multipart uploads', () => {
  const start = serversOfSpec()

  for (const [title, code, body] of [
    ['no XML', 'MalformedXML', () => 'hello'],
    ['nothing', 'MalformedXML', () => ''],
    ['another root', 'MalformedXML', () => '<Parts><Part/></Parts>'],
    ['no part', 'MalformedXML', () => documentOf([])],
    ['an unclosed element', 'MalformedXML', () => '<CompleteMultipartUpload><Part>'],
    ['a part without ETag', 'MalformedXML', () => documentOf([[1, '']])],
    ['a part number that is none', 'MalformedXML', (etags: string[]) => documentOf([['x', etags[0]!]])],
    [
      'a DOCTYPE',
      'MalformedXML',
      (etags: string[]) => `<!DOCTYPE x [<!ENTITY a "1">]>${documentOf([['&a;', etags[0]!]])}`,
    ],
    [
      'descending parts',
      'InvalidPartOrder',
      (etags: string[]) =>
        documentOf([
          [2, etags[1]!],
          [1, etags[0]!],
        ]),
    ],
    [
      'a part twice',
      'InvalidPartOrder',
      (etags: string[]) =>
        documentOf([
          [1, etags[0]!],
          [1, etags[0]!],
        ]),
    ],
    ['a part that is not there', 'InvalidPart', (etags: string[]) => documentOf([[9, etags[0]!]])],
    ['a wrong ETag', 'InvalidPart', (etags: string[]) => documentOf([[1, etags[1]!]])],
    [
      'a small part before the last',
      'EntityTooSmall',
      (etags: string[]) =>
        documentOf([
          [3, etags[2]!],
          [4, etags[0]!],
        ]),
    ],
  ] as const) {
    it(`refuse to complete with ${title}: ${code}, and can still be completed`, async () => {
      const server = await start()
      const { uploadId, etags } = await uploaded(server)
      await uploadPart(server, uploadId, 4, first)
      expect(codeOf(await complete(server, uploadId, body(etags)))).to.deep.equal([400, code])
      expect((await rawRequest(server, { path })).status).to.equal(404)
      const right = documentOf(etags.map((etag, i) => [i + 1, etag]))
      expect((await complete(server, uploadId, right)).status).to.equal(200)
    })
  }

  it('refuse a document that no list of 10,000 parts could be, while it is being sent', async () => {
    const server = await start()
    const uploadId = await initiate(server)
    const answer = await complete(server, uploadId, ' '.repeat(20 * MIB))
    expect(codeOf(answer)).to.deep.equal([400, 'EntityTooLarge'])
    expect(answer.headers.connection).to.equal('close')
  })

  for (const number of [0, 10_001, -1, 'x', '', '1e3', '99999999999999999999']) {
    it(`refuse the part number "${number}"`, async () => {
      const server = await start()
      const uploadId = await initiate(server)
      expect(codeOf(await uploadPart(server, uploadId, number, 'x'))).to.deep.equal([400, 'InvalidArgument'])
    })
  }

  it('do not exist under another id or key, or as a path', async () => {
    const server = await start()
    const uploadId = await initiate(server)
    for (const id of ['0'.repeat(32), '../objects', '..%2f..', '', 'x'.repeat(5000)]) {
      expect(codeOf(await uploadPart(server, id, 1, 'x'))).to.deep.equal([404, 'NoSuchUpload'])
      expect(codeOf(await complete(server, id, documentOf([[1, 'e']])))).to.deep.equal([404, 'NoSuchUpload'])
      expect(codeOf(await rawRequest(server, { path, query: { uploadId: id } }))[0]).to.equal(404)
      expect(
        codeOf(await rawRequest(server, { method: 'DELETE', path, query: { uploadId: id } }))[0],
      ).to.equal(404)
    }
    const other = { method: 'DELETE', path: objectPath('b'), query: { uploadId } }
    expect(codeOf(await rawRequest(server, other))).to.deep.equal([404, 'NoSuchUpload'])
  })
})
