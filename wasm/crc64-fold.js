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

/** Bytes of history before the window: the longest delay, in whole vectors. */
const HISTORY = Math.ceil(DEGREE / 16) * 16
const WINDOW = 32 * 1024
/** Room after the window for what the tail looks back to: nothing. */
const AFTER = HISTORY + 64
const TAIL_AT = HISTORY + WINDOW + AFTER

/** What the loader must know. */
export const CRC64_FOLD = {
  /** The least number of bytes that can be folded. */
  least: HISTORY + 16,
  /** Where in its memory the tail is. */
  tailAt: TAIL_AT,
  /** Bytes of memory that it works in. */
  scratchBytes: TAIL_AT + HISTORY + 32,
}

const vectorPulled = (at, from) =>
  DELAYS.reduce(
    (sum, delay) =>
      `(v128.xor ${sum} (v128.load align=1 (i32.sub (local.get $at) (i32.const ${delay - at}))))`,
    from,
  )

const bytePulled = DELAYS.reduce(
  (sum, delay) => `(i32.xor ${sum} (i32.load8_u (i32.sub (local.get $at) (i32.const ${delay}))))`,
  '(i32.load8_u (local.get $source))',
)

const load = (at) => `(v128.load offset=${at} align=1 (local.get $source))`
const store = (at, value) => `(v128.store offset=${at} align=1 (local.get $at) ${value})`
const advance = (bytes) => `
      (local.set $at (i32.add (local.get $at) (i32.const ${bytes})))
      (local.set $source (i32.add (local.get $source) (i32.const ${bytes})))
      (local.set $left (i32.sub (local.get $left) (i32.const ${bytes})))`

/**
 * `fold(source, length, low, high, scratch)`: XORs the two words into the first eight bytes, folds, and leaves the tail in scratch.
 * Gives the tail's length. The source is not changed.
 */
export const crc64Fold = () => `
(module
  (import "env" "memory" (memory 1))
  (func (export "fold")
    (param $source i32) (param $length i32) (param $low i32) (param $high i32) (param $scratch i32) (result i32)
    (local $at i32) (local $left i32) (local $limit i32) (local $tail i32) (local $to i32)
    (local.set $at (i32.add (local.get $scratch) (i32.const ${HISTORY})))
    (local.set $limit (i32.add (local.get $at) (i32.const ${WINDOW})))
    (memory.fill (local.get $scratch) (i32.const 0) (i32.const ${HISTORY}))
    ;; What is folded away: whole vectors, so that at least the degree is left.
    (local.set $left (i32.and (i32.sub (local.get $length) (i32.const ${DEGREE})) (i32.const -16)))
    (local.set $tail (i32.sub (local.get $length) (local.get $left)))
    ${store(
      0,
      `(v128.xor ${load(0)} (i32x4.replace_lane 1 (i32x4.replace_lane 0 (v128.const i64x2 0 0) (local.get $low)) (local.get $high)))`,
    )}
    ${advance(16)}
    (loop $windows
      (block $full
        (loop $four
          (br_if $full (i32.lt_u (local.get $left) (i32.const 64)))
          (br_if $full (i32.gt_u (i32.add (local.get $at) (i32.const 64)) (local.get $limit)))
          ${[0, 16, 32, 48].map((at) => store(at, vectorPulled(at, load(at)))).join('\n          ')}
          ${advance(64)}
          (br $four)))
      (block $rest
        (loop $one
          (br_if $rest (i32.eqz (local.get $left)))
          (br_if $rest (i32.ge_u (local.get $at) (local.get $limit)))
          ${store(0, vectorPulled(0, load(0)))}
          ${advance(16)}
          (br $one)))
      (if (i32.ge_u (local.get $at) (local.get $limit))
        (then
          (memory.copy (local.get $scratch) (i32.sub (local.get $at) (i32.const ${HISTORY})) (i32.const ${HISTORY}))
          (local.set $at (i32.add (local.get $scratch) (i32.const ${HISTORY})))))
      (br_if $windows (local.get $left)))
    ;; The tail takes what was folded onto it, and passes nothing on.
    (memory.fill (local.get $at) (i32.const 0) (i32.const ${AFTER}))
    (local.set $to (i32.add (local.get $scratch) (i32.const ${TAIL_AT})))
    (local.set $left (local.get $tail))
    (block $done
      (loop $vectors
        (br_if $done (i32.lt_u (local.get $left) (i32.const 16)))
        (v128.store align=1 (local.get $to) ${vectorPulled(0, load(0))})
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        ${advance(16)}
        (br $vectors)))
    (block $end
      (loop $bytes
        (br_if $end (i32.eqz (local.get $left)))
        (i32.store8 (local.get $to) ${bytePulled})
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        ${advance(1)}
        (br $bytes)))
    (local.get $tail)))
`
