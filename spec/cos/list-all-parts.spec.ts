import { expect } from 'chai'
import { HttpClient } from '../../lib/cos/http-client.js'
import { listAllParts } from '../../lib/cos/list-parts.js'
import type { Service } from '../../lib/cos/service.js'
import { answering, cosSpec, KEYS } from '../support/cos-service.js'

describe('listAllParts', () => {
  const spec = cosSpec()
  const clients: HttpClient[] = []
  afterEach(() => {
    for (const http of clients.splice(0)) void http.close()
  })

  function serviceOf({ endpoint }: { endpoint: string }): Service {
    const http = new HttpClient({ endpoint, credentials: KEYS })
    clients.push(http)
    return { http, bucket: 'spec-1250000000', md5: true, requireChecksum: false }
  }

  /** Pages of `total` parts, 1000 each. */
  function page(total: number, marker: number): string {
    const last = Math.min(marker + 1000, total)
    let parts = ''
    for (let number = marker + 1; number <= last; number++) {
      parts += `<Part><PartNumber>${number}</PartNumber><ETag>"e${number}"</ETag><Size>1</Size><LastModified>2024-01-01T00:00:00Z</LastModified></Part>`
    }
    const next = last < total ? `<NextPartNumberMarker>${last}</NextPartNumberMarker>` : ''
    return `<ListPartsResult><IsTruncated>${last < total}</IsTruncated>${next}${parts}</ListPartsResult>`
  }

  for (const total of [0, 1, 999, 1000, 1001, 2500, 10_000]) {
    it(`gives all of ${total} parts`, async () => {
      let requests = 0
      const service = await spec.http(
        answering((_body, request, response) => {
          requests += 1
          const { searchParams } = new URL(request.url!, 'http://x')
          expect(searchParams.get('uploadId')).to.equal('u')
          response.end(page(total, Number(searchParams.get('part-number-marker'))))
        }),
      )
      const parts = await listAllParts(serviceOf(service), { Key: 'a', UploadId: 'u' })
      expect(parts.map(({ PartNumber }) => PartNumber)).to.deep.equal(
        Array.from({ length: total }, (_, at) => at + 1),
      )
      expect(requests).to.equal(Math.max(1, Math.ceil(total / 1000)))
    })
  }

  it('ends when the marker does not advance', async () => {
    let requests = 0
    const service = await spec.http(
      answering((_body, _request, response) => {
        requests += 1
        response.end(page(5000, 0))
      }),
    )
    await listAllParts(serviceOf(service), { Key: 'a', UploadId: 'u' }).catch(() => undefined)
    expect(requests).to.equal(2)
  })
})
