/** The embedded server: `sealstream/server`. */
export { type RunningServer, startServer } from './server.js'
export type { ServerLog } from './exchange.js'
export type { KmsOptions } from './kms/keys.js'
export type { ServerOptions } from './options.js'
export { FAULT_KINDS, type Fault, type FaultKind } from './faults/fault.js'
export type { FaultHit } from './faults/fault-plan.js'
export type { ServerFaults } from './faults/server-faults.js'
export type { BodyEvent, Observers, RequestEvent } from './observers.js'
export type { CallTarget, OperationName } from './operation.js'
export {
  httpString,
  type ServerCredentials,
  signature,
  type SignedRequest,
  stringToSign,
  verifySignature,
} from './verify-signature.js'
