/** From an error answer to a {@link ServiceError}. */
import { ServiceError } from '../errors.js'
import { readXml, text, type XmlNode } from './xml.js'

/** Status texts for answers that hold no document: HEAD has no body. */
const STATUS_CODES: Readonly<Record<number, string>> = {
  304: 'NotModified',
  403: 'AccessDenied',
  404: 'NotFound',
  412: 'PreconditionFailed',
  416: 'InvalidRange',
}

/** What a person can do about the commonest refusals. */
const HINTS: Readonly<Record<string, string>> = {
  SignatureDoesNotMatch: 'the secret key does not belong to the secret id',
  InvalidAccessKeyId: 'the service does not know this secret id',
  RequestTimeTooSkewed: "this machine's clock differs too much from the service's",
  InvalidRange: 'the range starts past the end of the object',
}

/** The error that an answer of status 300 or more stands for, or a 200 with an error document. */
export async function serviceError(
  operation: string,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<ServiceError> {
  const node = await readErrorDocument(body)
  const serviceCode = text(node, 'Code') || headers['x-cos-error-code'] || STATUS_CODES[status] || ''
  const facts = {
    status,
    serviceCode,
    serviceMessage: text(node, 'Message') || headers['x-cos-error-message'] || '',
    resource: text(node, 'Resource'),
    requestId: text(node, 'RequestId') || headers['x-cos-request-id'] || '',
    traceId: text(node, 'TraceId') || headers['x-cos-trace-id'] || '',
    retryAfter: retryAfter(headers),
  }
  const hint = Object.hasOwn(HINTS, serviceCode) ? HINTS[serviceCode] : undefined
  return new ServiceError(operation, facts, hint === undefined ? {} : { hint })
}

/** Whether an answer of status 200 carries an error all the same. */
export function isErrorDocument(body: string): boolean {
  return /^\s*(<\?xml[^>]*>\s*)?<Error[\s>]/.test(body)
}

/** Retry-After in milliseconds: a number of seconds, or a date, which is compared with the service's own. */
function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const wish = headers['retry-after']
  if (wish === undefined) return undefined
  if (/^\d{1,9}$/.test(wish)) return Number(wish) * 1000
  const milliseconds = Date.parse(wish) - Date.parse(headers.date ?? '')
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}

/** An answer that is not the service's XML (a proxy's page, nothing at all) still has its status. */
async function readErrorDocument(body: string): Promise<XmlNode> {
  try {
    return (await readXml(body, ['Error'])).node
  } catch {
    return {}
  }
}
