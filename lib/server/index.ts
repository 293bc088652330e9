/** The embedded server: `sealstream/server`. */
export { type RunningServer, startServer } from './server.js'
export type { ServerLog } from './exchange.js'
export type { ServerOptions } from './options.js'
export {
  httpString,
  type ServerCredentials,
  signature,
  type SignedRequest,
  stringToSign,
  verifySignature,
} from './verify-signature.js'
