/** How transfers report how far they have come. */

/** How far a transfer has come. */
export interface Progress {
  /** Bytes done so far. */
  readonly bytes: number
  /** Bytes in all, where known. */
  readonly total: number | undefined
}

/** Called now and then while bytes move. An exception it throws fails the transfer. */
export type ProgressListener = (progress: Progress) => void
