/** The faults of a running server, as tests see them. */
import { checkFaults, type Fault } from './fault.js'
import type { FaultHit, FaultPlan } from './fault-plan.js'

/** For tests: what is to go wrong, and what did. */
export interface ServerFaults {
  /**
   * Adds faults behind those there are. At most one hits a call: the first that matches.
   *
   * @throws OptionError for a wrong one, or one whose `call` was made already; then none is added.
   */
  add(...faults: Fault[]): void
  /** Back to the start: no faults, no hits, and calls are counted from 1 again. */
  clear(): void
  /** Those that hit a call, in order. */
  readonly hits: readonly FaultHit[]
}

/** @param isHttps - Whether the server speaks TLS. */
export function serverFaults(plan: FaultPlan, isHttps: boolean): ServerFaults {
  return {
    add: (...faults) => plan.add(checkFaults(faults, isHttps)),
    clear: () => plan.clear(),
    get hits() {
      return plan.hits
    },
  }
}
