/** The cases of battery B10: every kind of HTTP fault in every operation at its first, middle and last call. */
import type { Fault } from '../../lib/server/index.js'

/** The 24 kinds of the battery, by the name of the server's fault; `dns` is the client's own affair. */
export const KINDS = [
  'connect-refused',
  'dns',
  'tls-failure',
  'reset-before-headers',
  'reset-in-request-body',
  'reset-in-response-body',
  'answer-lost',
  'early-close',
  'short-body',
  'long-body',
  'stall-before-headers',
  'stall-in-body',
  'request-timeout',
  'expired-token',
  'skewed-clock',
  'no-such-upload',
  'conflict',
  'too-many-requests',
  'internal-error',
  'slow-down',
  'error-in-200',
  'redirect',
  'malformed-xml',
  'truncated-xml',
] as const

export type Kind = (typeof KINDS)[number]

/** What is hit. `range` and `download` are ranged GETs: by getObject, and by downloadFile. */
export const TARGETS = [
  'put',
  'part',
  'complete',
  'initiate',
  'get',
  'range',
  'head',
  'list',
  'listParts',
  'download',
] as const

export type Target = (typeof TARGETS)[number]

export const POSITIONS = ['first', 'middle', 'last'] as const

export type Position = (typeof POSITIONS)[number]

/** The server's name of the operation that a target is. */
export const OPERATION = {
  put: 'putObject',
  part: 'uploadPart',
  complete: 'completeMultipartUpload',
  initiate: 'createMultipartUpload',
  get: 'getObject',
  range: 'getObject',
  head: 'headObject',
  list: 'listObjects',
  listParts: 'listParts',
  download: 'getObject',
} as const satisfies Record<Target, Fault['operation']>

/** What each fault takes besides; small, so that the battery is quick. */
export const DETAILS: Partial<Record<Kind, Partial<Fault>>> = {
  'connect-refused': { ms: 10 },
  'too-many-requests': { retryAfter: 0 },
  'slow-down': { retryAfter: 0 },
  // The server goes on judging signatures by its own clock: what a corrected client signs must still be good there.
  'skewed-clock': { skewMs: 40_000 },
}

const BODILESS_REQUESTS: readonly Target[] = [
  'initiate',
  'get',
  'range',
  'head',
  'list',
  'listParts',
  'download',
]

/** Their success is a status and headers. */
const BODILESS_ANSWERS: readonly Target[] = ['put', 'part', 'head']

/** Why a kind makes no sense in a target; undefined where it does. */
export function whySkipped(kind: Kind, target: Target): string | undefined {
  if (kind === 'reset-in-request-body' && BODILESS_REQUESTS.includes(target)) {
    return 'the request has no body: it is reset-before-headers'
  }
  if (['reset-in-response-body', 'early-close', 'stall-in-body'].includes(kind)) {
    if (BODILESS_ANSWERS.includes(target)) return 'the answer has no body that could be cut or stop'
  }
  if (kind === 'short-body' && ['put', 'part'].includes(target)) return 'the answer has no body to shorten'
  if (['short-body', 'long-body'].includes(kind) && target === 'head') {
    return 'the answer has no body, and no client can know that the length it tells of is another'
  }
  return undefined
}

/** What must come of a case: the right result, an error of this package, or one of the two. */
export type Expected = 'success' | 'error' | 'either'

const GETS: readonly Target[] = ['get', 'range', 'download']
const LISTS: readonly Target[] = ['list', 'listParts']

/** The targets in which a kind ends in an error although requests are repeated. */
const FAILING: Partial<Record<Kind, readonly Target[]>> = {
  // A name that does not exist will not a moment later.
  dns: TARGETS,
  conflict: TARGETS,
  // A download starts again with HEAD; complete looks for object and upload, and says what it was told where both are as before.
  'no-such-upload': TARGETS.filter((target) => target !== 'download'),
  // Where there is no document, or it would be the object, it is an answer that makes no sense.
  'error-in-200': ['head', ...GETS],
  // A body that was handed out cannot be begun again; downloadFile can.
  'reset-in-response-body': ['get', 'range'],
  'early-close': ['get', 'range'],
  'stall-in-body': ['get', 'range'],
  'short-body': ['initiate', ...GETS, ...LISTS],
  'long-body': GETS,
  // What complete did is settled by HEAD; of the others the answer is all there is.
  'malformed-xml': ['initiate', ...LISTS],
  'truncated-xml': ['initiate', ...LISTS],
}

/** What comes of a case in which requests are repeated. */
export function expectedWithRetries(kind: Kind, target: Target): Expected {
  return FAILING[kind]?.includes(target) === true ? 'error' : 'success'
}

/** What comes of the kinds that are tried without repeating requests; complete is settled by asking, so it differs. */
export const ONCE: Partial<Record<Kind, { readonly complete: Expected; readonly others: Expected }>> = {
  // On a connection that was used before, the request is sent again at once, outside of what is counted (RULES 9.3).
  'reset-before-headers': { complete: 'either', others: 'either' },
  'answer-lost': { complete: 'either', others: 'either' },
  'early-close': { complete: 'success', others: 'error' },
  'stall-before-headers': { complete: 'success', others: 'error' },
  // The upload is still there: joining it again would be a retry.
  'internal-error': { complete: 'error', others: 'error' },
  'truncated-xml': { complete: 'success', others: 'error' },
  'request-timeout': { complete: 'error', others: 'error' },
  'too-many-requests': { complete: 'error', others: 'error' },
  'slow-down': { complete: 'error', others: 'error' },
  // The cause is put right, and that is no retry either.
  redirect: { complete: 'success', others: 'success' },
  'expired-token': { complete: 'success', others: 'success' },
  'skewed-clock': { complete: 'success', others: 'success' },
}
