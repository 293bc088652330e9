/** How a data key encrypts and decrypts. */

/** Where an encryption starts, and whether it ends the object. */
export interface EncryptorOptions {
  /** Plaintext position of the first byte, from 0: any for `cos` and `cos-python`, a multiple of 16,384 for `sealed`. Default 0. */
  start?: number
  /** The caller vouches that bytes at positions already encrypted are the same as before (a retry). */
  sameBytes?: boolean
  /** Whether the end of the input is the end of the object, which `sealed` and `cos-java-gcm` mark. Default true. */
  final?: boolean
}

/** Which plaintext a decryption gives. */
export interface DecryptorOptions {
  /** Plaintext position of the first byte, from 0. Default 0. */
  start?: number
  /** Plaintext position of the last byte, inclusive. Input that ends before it is an error. Defaults to the input's end. */
  end?: number
  /** The first 56 stored bytes of a `sealed` object, for a range that does not begin with them. */
  head?: Uint8Array
  /**
   * Gives out plaintext of `cos-java-gcm` before it is verified: as it comes, and of ranges, which are never verified.
   * Default false.
   */
  releaseUnverified?: boolean
  /** Most bytes of `cos-java-gcm` that are held until they are verified. Default 64 MiB. */
  mostHeld?: number
}
