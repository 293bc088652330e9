/** A service that answers by script and writes down what it was asked. */
import type { IncomingHttpHeaders } from 'node:http'
import { bodyOf, checksumsOf, type CosSpec } from './cos-service.js'

/** A request, read whole. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** One answer of the script. */
export interface ScriptedAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** An answer, a broken connection, or what a request decides. */
export type Step = ScriptedAnswer | 'reset' | ((request: SeenRequest) => ScriptedAnswer)

/** A service with what it saw. */
export interface ScriptedService {
  readonly endpoint: string
  readonly seen: SeenRequest[]
}

/** A refusal with its document. */
export function refusal(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): ScriptedAnswer {
  return { status, headers, body: `<Error><Code>${code}</Code><Message>scripted</Message></Error>` }
}

/** Success that is true: the checksums are those of what came. */
export function stored({ body }: SeenRequest): ScriptedAnswer {
  return { status: 200, headers: checksumsOf(body) }
}

/** Answers with the steps in turn; the last one answers all the rest. */
export async function scriptedService(spec: CosSpec, ...steps: [Step, ...Step[]]): Promise<ScriptedService> {
  const seen: SeenRequest[] = []
  const { endpoint } = await spec.http((request, response) => {
    const { method = '', url = '', headers } = request
    bodyOf(request).then(
      (body) => {
        const step = steps[Math.min(seen.length, steps.length - 1)]!
        const asked = { method, url, headers, body }
        seen.push(asked)
        if (step === 'reset') {
          response.socket?.resetAndDestroy()
          return
        }
        const answer = typeof step === 'function' ? step(asked) : step
        const text = answer.body ?? ''
        response.writeHead(answer.status ?? 200, {
          'content-length': Buffer.byteLength(text),
          ...answer.headers,
        })
        response.end(method === 'HEAD' ? undefined : text)
      },
      () => undefined,
    )
  })
  return { endpoint, seen }
}
