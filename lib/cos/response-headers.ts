/** Headers that the service is asked to answer with, in place of the stored ones. */
import { queryText } from '../internal/assert.js'

/** For GET and for URLs that are given away. */
export interface ResponseHeaderParams {
  ResponseCacheControl?: string
  ResponseContentDisposition?: string
  ResponseContentEncoding?: string
  ResponseContentLanguage?: string
  ResponseContentType?: string
  ResponseExpires?: string
}

const QUERY_NAMES = {
  ResponseCacheControl: 'response-cache-control',
  ResponseContentDisposition: 'response-content-disposition',
  ResponseContentEncoding: 'response-content-encoding',
  ResponseContentLanguage: 'response-content-language',
  ResponseContentType: 'response-content-type',
  ResponseExpires: 'response-expires',
} as const

/** Names of {@link ResponseHeaderParams}, for checks. */
export const RESPONSE_HEADER_PARAMS = Object.keys(QUERY_NAMES)

/** The query parameters. @throws OptionError for what is no text. */
export function responseHeaderQuery(params: ResponseHeaderParams): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, parameter] of Object.entries(QUERY_NAMES)) {
    const value = params[name as keyof ResponseHeaderParams]
    if (value !== undefined) query[parameter] = queryText(value, name)
  }
  return query
}
