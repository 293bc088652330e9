// WebAssembly source of the CRC-64 kernel, as text.
//
// A multiple Q of the CRC's polynomial says that a byte may be taken away where the same byte is added at each of Q's other terms
// further on: nothing changes modulo the polynomial. Done byte after byte, a message melts into its last `degree` bytes, by loads and
// XOR alone. WebAssembly has no carry-less multiplication; here none is needed.
//
// `degree` and the other terms are exponents of a sparse Q(x), and of Q(x^8) too, squaring three times: so delays count bytes. This Q
// has weight 8, the least there is below degree 32767, and no delay under 736 bytes: what was stored is loaded again only when it has
// long left the store buffer.

/** Terms of Q over x^64 + 0x42F0E1EBA9EA3693, the CRC's polynomial unreflected. */
export const EXPONENTS = [1929, 1193, 1120, 603, 492, 139, 74, 0]
const DEGREE = EXPONENTS[0]
const DELAYS = EXPONENTS.slice(1).map((exponent) => DEGREE - exponent)

/** What is kept between two calls: the longest delay, in whole vectors. */
const HISTORY = Math.ceil(DEGREE / 16) * 16
/** Most bytes of a call: with what they become they stay in the processor's first cache. */
const WINDOW = 16 * 1024
/** Places in its memory: of the tail, in the window, which is free between calls, and of zeros and the history that it is made of. */
const ZEROS_AT = HISTORY
const LAST_AT = ZEROS_AT + HISTORY
const TAIL_AT = LAST_AT + HISTORY + 16

/** What the loader must know. */
export const CRC64_FOLD = {
  /** Bytes of the history, which is where its memory begins; zeros before the first call. */
  historyBytes: HISTORY,
  /** Most bytes of a call. */
  mostBytes: WINDOW,
  /** Where in its memory the tail is. */
  tailAt: TAIL_AT,
  /** Bytes of the tail. */
  tailBytes: DEGREE,
  /** Bytes of memory that it works in. */
  scratchBytes: HISTORY + WINDOW,
}

const pulled = (at, from) =>
  DELAYS.reduce(
    (sum, delay) =>
      `(v128.xor ${sum} (v128.load align=1 (i32.sub (local.get $at) (i32.const ${delay - at}))))`,
    from,
  )

const load = (at) => `(v128.load offset=${at} align=1 (local.get $source))`
const store = (at, value) => `(v128.store offset=${at} align=1 (local.get $at) ${value})`
const advance = (bytes) => `
      (local.set $at (i32.add (local.get $at) (i32.const ${bytes})))
      (local.set $source (i32.add (local.get $source) (i32.const ${bytes})))
      (local.set $left (i32.sub (local.get $left) (i32.const ${bytes})))`

/**
 * `fold(source, length, low, high, scratch)`: XORs the two words into the first eight bytes and folds whole vectors, 16 to `mostBytes`. What
 * is left of all bytes so far is the history. The source is not changed.
 *
 * `tail(scratch)`: makes of the history the bytes that have the CRC of all that was folded, from a register of zero. The history stays.
 */
export const crc64Fold = () => `
(module
  (import "env" "memory" (memory 1))
  (func (export "fold")
    (param $source i32) (param $length i32) (param $low i32) (param $high i32) (param $scratch i32)
    (local $at i32) (local $left i32)
    (local.set $at (i32.add (local.get $scratch) (i32.const ${HISTORY})))
    (local.set $left (local.get $length))
    ${store(
      0,
      pulled(
        0,
        `(v128.xor ${load(0)} (i32x4.replace_lane 1 (i32x4.replace_lane 0 (v128.const i64x2 0 0) (local.get $low)) (local.get $high)))`,
      ),
    )}
    ${advance(16)}
    (block $few
      (loop $four
        (br_if $few (i32.lt_u (local.get $left) (i32.const 64)))
        ${[0, 16, 32, 48].map((at) => store(at, pulled(at, load(at)))).join('\n        ')}
        ${advance(64)}
        (br $four)))
    (block $done
      (loop $one
        (br_if $done (i32.eqz (local.get $left)))
        ${store(0, pulled(0, load(0)))}
        ${advance(16)}
        (br $one)))
    (memory.copy (local.get $scratch) (i32.sub (local.get $at) (i32.const ${HISTORY})) (i32.const ${HISTORY})))
  (func (export "tail") (param $scratch i32)
    (local $at i32) (local $source i32) (local $left i32)
    (memory.fill (i32.add (local.get $scratch) (i32.const ${ZEROS_AT})) (i32.const 0) (i32.const ${HISTORY}))
    (memory.copy
      (i32.add (local.get $scratch) (i32.const ${LAST_AT}))
      (i32.add (local.get $scratch) (i32.const ${HISTORY - DEGREE}))
      (i32.const ${DEGREE}))
    ;; The last bytes pulled from each other, too, and pass nothing on any more: taken back.
    (local.set $at (i32.add (local.get $scratch) (i32.const ${LAST_AT})))
    (local.set $left (i32.const ${HISTORY}))
    (loop $vectors
      (v128.store offset=${TAIL_AT - LAST_AT} align=1 (local.get $at) ${pulled(0, '(v128.load align=1 (local.get $at))')})
      ${advance(16)}
      (br_if $vectors (local.get $left)))))
`
