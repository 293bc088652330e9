/** Several master keys as one: for rotation, and for objects with several recipients. */
import { inspect } from 'node:util'
import type { DataKey } from '../crypto/data-key.js'
import { OptionError } from '../errors.js'
import { assertKnown } from '../internal/assert.js'
import { assertMasterKey, type MasterKey, type Wrapped } from './master-key.js'
import { unwrapAny } from './unwrap-any.js'

/** Which keys write, and which read besides. */
export interface KeyringOptions {
  /** Wraps the data key of every new object; in format `sealed` several may, each a recipient who can read it alone. */
  write: MasterKey | readonly MasterKey[]
  /** Keys that objects may have been written under, besides those in `write`. */
  read?: readonly MasterKey[]
}

/** A master key that is several. */
export class Keyring implements MasterKey {
  /** That of the first key in `write`. */
  readonly id: string
  /** The recipients of new objects. */
  readonly writers: readonly MasterKey[]
  /** Every key that is tried when reading; those that can only wrap are none. */
  readonly readers: readonly MasterKey[]

  /** @throws {@link OptionError} unless all of them are master keys, none of them a Keyring. */
  constructor(options: KeyringOptions) {
    assertKnown(options, '', ['write', 'read'])
    const { write } = options
    const writers = keysOf(Array.isArray(write) ? write : [write], 'write')
    const read = keysOf(options.read ?? [], 'read')
    const [first] = writers
    if (first === undefined) throw new OptionError('write', 'must be at least one master key')
    const ids = writers.map(({ id }) => id)
    if (new Set(ids).size < ids.length) throw new OptionError('write', 'must not hold a key twice')
    this.id = first.id
    this.writers = writers
    this.readers = [...new Set([...writers, ...read])].filter(({ canUnwrap }) => canUnwrap !== false)
  }

  /** Whether any of the keys can read. */
  get canUnwrap(): boolean {
    return this.readers.length > 0
  }

  /** Wraps under the first key in `write`. Where there are several, `createEnvelope` asks each of them. */
  wrap(dataKey: DataKey): Promise<Wrapped> {
    return (this.writers[0] as MasterKey).wrap(dataKey)
  }

  /** Recovers a data key by whichever key opens it: first the one that is named, then at most eight others. */
  unwrap(wrapped: Wrapped): Promise<DataKey> {
    return unwrapAny([wrapped], this.readers.length === 0 ? this.writers : this.readers)
  }

  /** Never shows a key. */
  toJSON(): object {
    return {
      kind: 'keyring',
      write: this.writers.map(({ id }) => id),
      read: this.readers.map(({ id }) => id),
    }
  }

  /** Never shows a key. */
  [inspect.custom](): string {
    return `Keyring { write: ${this.writers.map(({ id }) => id).join(', ')}, read: ${this.readers.length} keys }`
  }
}

/** The keys that each wrap a new data key. */
export function writersOf(masterKey: MasterKey): readonly MasterKey[] {
  return masterKey instanceof Keyring ? masterKey.writers : [masterKey]
}

/** The keys that are tried when reading. */
export function readersOf(masterKey: MasterKey): readonly MasterKey[] {
  return masterKey instanceof Keyring && masterKey.canUnwrap ? masterKey.readers : writersOf(masterKey)
}

function keysOf(given: unknown, option: string): readonly MasterKey[] {
  if (!Array.isArray(given)) throw new OptionError(option, 'must be a list of master keys')
  return given.map((key: unknown, index) => {
    const place = `${option}[${index}]`
    assertMasterKey(key, place)
    if (key instanceof Keyring) throw new OptionError(place, 'must not be a Keyring itself')
    return key
  })
}
