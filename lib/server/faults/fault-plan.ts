/** Which fault hits which call. Knows nothing of HTTP. */
import { OptionError } from '../../errors.js'
import type { CallTarget } from '../operation.js'
import { canHit, type Fault, type FaultKind } from './fault.js'

/** A call, as far as faults are chosen by it. */
export interface PlannedCall extends Pick<CallTarget, 'operation' | 'key' | 'partNumber'> {
  /** Whether the request asks for a range. */
  readonly hasRange: boolean
}

/** A fault that fired. */
export interface FaultHit extends Pick<CallTarget, 'operation' | 'key' | 'partNumber'> {
  readonly kind: FaultKind
  /** Which call of this operation it was, from 1 since the start of the server. */
  readonly call: number
}

interface Entry {
  readonly fault: Fault
  /** Calls seen that match, where they are counted by key or part. */
  seen: number
  /** Calls it may still hit. */
  left: number
}

/** The faults of a server, and the counts of its calls. */
export class FaultPlan {
  #entries: Entry[] = []
  #hits: FaultHit[] = []
  #calls = 0
  readonly #callsOf = new Map<string, number>()

  /** Those that fired, in order. */
  get hits(): readonly FaultHit[] {
    return [...this.#hits]
  }

  /**
   * @param faults - Already checked.
   * @throws OptionError when the last call that a fault is for was made before.
   */
  add(faults: readonly Fault[]): void {
    for (const [i, fault] of faults.entries()) {
      const { operation, call = Infinity, times = 1 } = fault
      const made = this.#numberFor({ fault, seen: 0 }, operation)
      if (call + times - 1 > made) continue
      const problem = `is past: there were ${made} calls${operation === undefined ? '' : ` of ${operation}`}`
      throw new OptionError(`faults[${i}].call`, problem, { value: call })
    }
    for (const fault of faults) this.#entries.push({ fault, seen: 0, left: fault.times ?? 1 })
  }

  /** Back to the start: no faults, no hits, no calls counted. */
  clear(): void {
    this.#entries = []
    this.#hits = []
    this.#calls = 0
    this.#callsOf.clear()
  }

  /** Counts a call. At most one fault hits it: the first added of those that match. */
  next(call: PlannedCall): Fault | undefined {
    const number = (this.#callsOf.get(call.operation) ?? 0) + 1
    this.#callsOf.set(call.operation, number)
    this.#calls += 1
    if (this.#entries.length === 0) return undefined

    // All are asked, also behind the one that is chosen: they count.
    const ready = this.#entries.filter((entry) => this.#isReady(entry, call))
    const [chosen] = ready
    if (chosen === undefined) return undefined
    chosen.left -= 1
    if (chosen.left === 0) this.#entries = this.#entries.filter((entry) => entry !== chosen)
    const { operation, key, partNumber } = call
    this.#hits.push({
      kind: chosen.fault.kind,
      operation,
      call: number,
      key,
      ...(partNumber === undefined ? {} : { partNumber }),
    })
    return chosen.fault
  }

  #isReady(entry: Entry, call: PlannedCall): boolean {
    const { fault } = entry
    if (!matches(fault, call)) return false
    entry.seen += 1
    if (fault.call === undefined) return true
    const number = this.#numberFor(entry, call.operation)
    return number >= fault.call && number < fault.call + (fault.times ?? 1)
  }

  /** How many calls there were, in the way the fault counts them. */
  #numberFor({ fault, seen }: Pick<Entry, 'fault' | 'seen'>, operation: string | undefined): number {
    if (fault.key !== undefined || fault.partNumber !== undefined) return seen
    return fault.operation === undefined ? this.#calls : (this.#callsOf.get(operation ?? '') ?? 0)
  }
}

function matches({ kind, operation, key, partNumber }: Fault, call: PlannedCall): boolean {
  if (operation !== undefined && operation !== call.operation) return false
  if (key !== undefined && key !== call.key) return false
  if (partNumber !== undefined && partNumber !== call.partNumber) return false
  if (kind === 'repeat-range' && !call.hasRange) return false
  return canHit(kind, call.operation)
}
