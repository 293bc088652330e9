/** MD5 of several messages at once: one processor computes four to twelve in little more time than one (wasm/md5-lanes.js). */
import { MD5_LANES, MD5_SCRATCH_BYTES } from './kernel-code.js'
import { loadKernels } from './wasm-kernel.js'

interface LanesExports {
  update(states: number, sources: number, blocks: number, scratch: number): void
}

const BLOCK_BYTES = 64
/** Bytes of a message taken in at once: all lanes together stay in the processor's second cache. */
const SLOT_BYTES = 128 * 1024
/** A block left over comes before the next bytes; and lanes a power of two apart would share sets of the cache. */
const STRIDE = SLOT_BYTES + 3 * BLOCK_BYTES
/** Messages under way at once. */
const SLOTS = 24
const MOST_LANES = 12

const SOURCES_AT = MD5_SCRATCH_BYTES
const STATES_AT = SOURCES_AT + 4 * 16
const SLOTS_AT = STATES_AT + 16 * MOST_LANES
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]

/** A message under way: its bytes are put into `free`, then {@link Md5Lanes.run} takes them in. */
export class Md5Slot {
  readonly index: number
  readonly words = Int32Array.from(INITIAL, (word) => word | 0)
  readonly #memory: Uint8Array
  #filled = 0
  #length = 0

  constructor(index: number, memory: Uint8Array) {
    this.index = index
    this.#memory = memory
  }

  /** Whether there is room for no more bytes. */
  get isFull(): boolean {
    return this.#filled === SLOT_BYTES
  }

  /** Whole blocks that are waiting. */
  get blocks(): number {
    return Math.floor(this.#filled / BLOCK_BYTES)
  }

  /** Takes as many bytes as there is room for. @returns How many. */
  put(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, SLOT_BYTES - this.#filled)
    this.#memory.set(bytes.subarray(0, taken), this.#filled)
    this.#filled += taken
    this.#length += taken
    return taken
  }

  /** Forgets so many blocks; what follows them moves to the beginning. */
  drop(blocks: number): void {
    this.#memory.copyWithin(0, blocks * BLOCK_BYTES, this.#filled)
    this.#filled -= blocks * BLOCK_BYTES
  }

  /** Puts the end of the message after what is left of it: fewer bytes than a block. */
  pad(): void {
    const end = this.#filled < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES
    this.#memory.fill(0, this.#filled, end)
    this.#memory[this.#filled] = 0x80
    const view = new DataView(this.#memory.buffer, this.#memory.byteOffset, end)
    view.setUint32(end - 8, (this.#length * 8) % 2 ** 32, true)
    view.setUint32(end - 4, Math.floor(this.#length / 2 ** 29) % 2 ** 32, true)
    this.#filled = end
  }
}

/** A kernel, and what a block of all its lanes takes, in milliseconds, as far as it is known. */
export interface Md5Kernel {
  readonly lanes: number
  cost: number
}

/** Less than any kernel takes for a block, in milliseconds: whose cost is below was never measured. */
const UNKNOWN_COST = 1e-5
/** Of fewer blocks the call itself would be measured. */
const LEAST_MEASURED = 256
/** How fast what is known of a cost follows one that is higher: it may be a moment when others had the processor. A lower one is true. */
const LEARNING = 1 / 16
/** By how much a kernel that is not used looks better each time, until it is tried again. */
const FORGETTING = 1 / 128

/**
 * The kernels that take in a block of so many messages in the least time.
 *
 * What fits fewer lanes than the widest kernel has goes through one that fits. Beyond that it depends on the processor, and on who else
 * uses it: where it has vector units for twelve lanes at once, one kernel is the quickest; elsewhere one of eight and one of four are.
 *
 * @param kernels - With their lanes ascending.
 */
export function cheapestKernels<Kernel extends Md5Kernel>(
  messages: number,
  kernels: readonly Kernel[],
): readonly Kernel[] {
  const fitting = kernels.slice(0, -1).find(({ lanes }) => lanes >= messages)
  if (fitting !== undefined) return messages === 0 ? [] : [fitting]
  const cheapest: { cost: number; used: readonly Kernel[] }[] = [{ cost: 0, used: [] }]
  for (let count = 1; count <= messages; count++) {
    const plans = kernels.map((kernel) => {
      const rest = cheapest[Math.max(0, count - kernel.lanes)] as (typeof cheapest)[number]
      return { cost: kernel.cost + rest.cost, used: [kernel, ...rest.used] }
    })
    cheapest.push(plans.reduce((a, b) => (b.cost < a.cost ? b : a)))
  }
  return (cheapest[messages] as (typeof cheapest)[number]).used
}

/** The kernels with their memory. */
export class Md5Lanes {
  readonly #kernels: readonly (Md5Kernel & { readonly run: LanesExports })[]
  readonly #memory: ArrayBuffer
  readonly #sources: Int32Array
  readonly #states: Int32Array
  readonly #free: number[] = Array.from({ length: SLOTS }, (_, index) => SLOTS - 1 - index)

  private constructor(kernels: readonly { lanes: number; run: LanesExports }[], memory: ArrayBuffer) {
    // Less than any takes, so that each is tried.
    this.#kernels = kernels.map((kernel) => ({ ...kernel, cost: (UNKNOWN_COST / 100) * kernel.lanes }))
    this.#memory = memory
    this.#sources = new Int32Array(memory, SOURCES_AT, 16)
    this.#states = new Int32Array(memory, STATES_AT, 4 * MOST_LANES)
    // RFC 1321, 3.4: the integer part of 2^32 times abs(sin(i)), i in radians; each four times, as vectors.
    const constants = new Uint32Array(memory, 0, 4 * 64)
    for (let at = 0; at < constants.length; at++) {
      const step = Math.floor(at / 4)
      // As the kernel has it: its last round takes away where RFC 1321 adds the complement.
      const less = step < 48 ? 0 : 1
      constants[at] = Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32) - less
    }
  }

  /** @returns Undefined where kernels cannot run. */
  static load(): Md5Lanes | undefined {
    const lanes = [4, 8, 12] as const
    const kernels = loadKernels<LanesExports>(
      lanes.map((count) => MD5_LANES[count]),
      SLOTS_AT + SLOTS * STRIDE,
    )
    const [first] = kernels ?? []
    if (kernels === undefined || first === undefined) return undefined
    return new Md5Lanes(
      kernels.map(({ run }, index) => ({ lanes: lanes[index] as number, run })),
      first.memory,
    )
  }

  /** Begins a message; undefined where there are as many as there can be. */
  open(): Md5Slot | undefined {
    const index = this.#free.pop()
    if (index === undefined) return undefined
    return new Md5Slot(index, new Uint8Array(this.#memory, addressOf(index), STRIDE))
  }

  /** Ends a message. */
  close({ index }: Md5Slot): void {
    this.#free.push(index)
  }

  /** Takes in all whole blocks that wait in these slots. */
  run(slots: readonly Md5Slot[]): void {
    let waiting = slots.map((slot) => ({ slot, at: 0, left: slot.blocks }))
    for (;;) {
      waiting = waiting.filter(({ left }) => left > 0)
      if (waiting.length === 0) break
      let first = 0
      for (const kernel of cheapestKernels(waiting.length, this.#kernels)) {
        this.#runBatch(kernel, waiting.slice(first, first + kernel.lanes))
        first += kernel.lanes
      }
    }
    for (const slot of slots) slot.drop(slot.blocks)
  }

  /** The MD5 of a message whose blocks are all taken in, as lower-case hex. */
  digest(slot: Md5Slot): string {
    slot.pad()
    this.run([slot])
    const bytes = Buffer.alloc(16)
    slot.words.forEach((word, index) => bytes.writeInt32LE(word, 4 * index))
    return bytes.toString('hex')
  }

  /** As many blocks as the shortest has. */
  #runBatch(kernel: Md5Kernel & { readonly run: LanesExports }, batch: readonly Waiting[]): void {
    const { lanes, run } = kernel
    const blocks = Math.min(...batch.map(({ left }) => left))
    for (let lane = 0; lane < lanes; lane++) {
      // Lanes without a message compute that of another once more.
      const { slot, at } = batch[Math.min(lane, batch.length - 1)] as Waiting
      this.#sources[lane] = addressOf(slot.index) + at * BLOCK_BYTES
      slot.words.forEach((value, word) => (this.#states[word * lanes + lane] = value))
    }
    const began = performance.now()
    run.update(STATES_AT, SOURCES_AT, blocks, 0)
    if (blocks >= LEAST_MEASURED) this.#learn(kernel, (performance.now() - began) / blocks)
    batch.forEach((each, lane) => {
      for (let word = 0; word < 4; word++) each.slot.words[word] = this.#states[word * lanes + lane] as number
      each.at += blocks
      each.left -= blocks
    })
  }

  #learn(used: Md5Kernel, cost: number): void {
    for (const kernel of this.#kernels) {
      if (kernel !== used) kernel.cost -= FORGETTING * kernel.cost
      else if (cost < kernel.cost || kernel.cost < UNKNOWN_COST) kernel.cost = cost
      else kernel.cost += LEARNING * (cost - kernel.cost)
    }
  }
}

interface Waiting {
  readonly slot: Md5Slot
  /** Blocks taken in. */
  at: number
  /** Blocks that wait. */
  left: number
}

function addressOf(index: number): number {
  return SLOTS_AT + index * STRIDE
}
