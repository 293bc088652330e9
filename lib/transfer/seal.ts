/** How engines encrypt without knowing master keys or envelopes. */
import type { DataKey } from '../crypto/data-key.js'

/** A data key for one object, and what has to be stored for it. */
export interface Sealed {
  /** Whoever asked for it disposes it. */
  readonly dataKey: DataKey
  /** The envelope's headers, by wire name. */
  readonly envelope: Readonly<Record<string, string>>
  /** What a checkpoint keeps to get the data key again: plain data, the key wrapped. */
  readonly saved: SavedKey
}

/** A data key as a checkpoint keeps it. */
export interface SavedKey {
  /** The envelope's headers. */
  readonly Envelope: Readonly<Record<string, string>>
  /** IV or salt, Base64, where the envelope does not hold it. No secret. */
  readonly Iv?: string
  /** The data key under the checkpoint key, where the master key cannot unwrap: Base64. */
  readonly Wrapped?: { readonly Key: string; readonly KeyId: string }
}

/** Makes and recovers data keys. */
export interface Sealer {
  /** Names format, master keys and context: a checkpoint of another is not followed. */
  readonly identity: string
  /** Whether `reopen` can succeed: false where the master key can only wrap. */
  readonly canReopen: boolean
  /** Stored size of so many bytes of plaintext. @throws OptionError where the format takes no object as large. */
  storedSize(plaintextSize: number): number
  /** A fresh data key. */
  seal(): Promise<Sealed>
  /** The data key of a checkpoint. @throws KeyError, EnvelopeError */
  reopen(saved: SavedKey): Promise<DataKey>
}
