import type { Handler } from '../handler.js'

/** HEAD Bucket. Every bucket exists as soon as it is named. */
export const headBucket: Handler = () => Promise.resolve({ status: 200 })
