// WebAssembly source of the MD5 kernel, as text: several messages at once, one in each 32-bit lane of vectors (RFC 1321).
//
// One MD5 is a chain of dependent operations, which leaves most of a processor idle; four lanes fill a vector, and several vectors side
// by side fill the wait. Their instructions are written in turns, group by group, since V8 from Node.js 24 on runs them in this order.

const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
]
const WORD = [(i) => i, (i) => (5 * i + 1) % 16, (i) => (3 * i + 5) % 16, (i) => (7 * i) % 16]

/** Where the loader puts the 64 constants, each four times, the last 16 less by one; and after them the kernel's words. */
const CONSTANTS_BYTES = 64 * 16

/** What the loader must know. */
export const MD5_LANES = {
  /** Lanes of each kernel. */
  lanes: [4, 8, 12],
  /** Bytes of memory that the largest works in, constants included. */
  scratchBytes: CONSTANTS_BYTES + 12 * 64,
}

const get = (name) => `(local.get $${name})`
const set = (name, value) => `(local.set $${name} ${value})`
const op = (name, ...values) => `(${name} ${values.join(' ')})`
const xor = (a, b) => op('v128.xor', a, b)
const and = (a, b) => op('v128.and', a, b)
const or = (a, b) => op('v128.or', a, b)
const add = (a, b) => op('i32x4.add', a, b)

const sub = (a, b) => op('i32x4.sub', a, b)
const andnot = (a, b) => op('v128.andnot', a, b)

/**
 * Each round's function, added to `a`, as steps in the fewest operations: from eight lanes on it is their number that counts. First comes
 * what needs no b, the word that is there last; `t` is the group's own.
 */
const ROUNDS = [
  // d ^ (b & (c ^ d))
  ({ a, b, c, d, t }) => [
    set(t, xor(get(c), get(d))),
    set(t, and(get(t), get(b))),
    set(t, xor(get(t), get(d))),
    set(a, add(get(a), get(t))),
  ],
  // (c & ~d) + (b & d): they share no bit
  ({ a, b, c, d, t }) => [
    set(t, andnot(get(c), get(d))),
    set(a, add(get(a), get(t))),
    set(t, and(get(b), get(d))),
    set(a, add(get(a), get(t))),
  ],
  // (c ^ d) ^ b
  ({ a, b, c, d, t }) => [
    set(t, xor(get(c), get(d))),
    set(t, xor(get(t), get(b))),
    set(a, add(get(a), get(t))),
  ],
  // c ^ (b | ~d) is ~(c ^ (d & ~b)), and adding ~x is taking away x and 1: the constants of this round are less by one
  ({ a, b, c, d, t }) => [
    set(t, andnot(get(d), get(b))),
    set(t, xor(get(t), get(c))),
    set(a, sub(get(a), get(t))),
  ],
]

/** Rotates `a`; by 16, which swaps the halves of each word, in one operation or two instead of three. */
const rotated = (a, t, bits) =>
  bits === 16
    ? [set(a, `(i8x16.shuffle 2 3 0 1 6 7 4 5 10 11 8 9 14 15 12 13 ${get(a)} ${get(a)})`)]
    : [
        set(t, op('i32x4.shl', get(a), `(i32.const ${bits})`)),
        set(a, op('i32x4.shr_u', get(a), `(i32.const ${32 - bits})`)),
        set(a, or(get(a), get(t))),
      ]

/** One of the 64 steps for one group, as instructions in order. */
function step(number, group) {
  const round = number >> 4
  const shift = SHIFTS[round][number & 3]
  const names = ['a', 'b', 'c', 'd'].map((_, i) => 'abcd'[(i - number + 64) & 3] + group)
  const [a, b, c, d] = names
  const t = `t${group}`
  const u = `u${group}`
  const word = CONSTANTS_BYTES + group * 256 + WORD[round](number & 15) * 16
  return [
    set(
      u,
      add(
        `(v128.load offset=${word} align=16 ${get('scratch')})`,
        `(v128.load offset=${number * 16} align=16 ${get('scratch')})`,
      ),
    ),
    set(a, add(get(a), get(u))),
    ...ROUNDS[round]({ a, b, c, d, t }),
    ...rotated(a, t, shift),
    set(a, add(get(a), get(b))),
  ]
}

/** Lists in turns: the first of each, the second of each... */
const interleaved = (lists) => lists[0].flatMap((_, at) => lists.map((list) => list[at]))

/** The first four words of four lanes become word 0 of all, word 1 of all...; then the next four. */
function transpose(group) {
  const lines = []
  for (let quarter = 0; quarter < 4; quarter++) {
    for (let lane = 0; lane < 4; lane++) {
      lines.push(set(`m${lane}`, `(v128.load offset=${16 * quarter} align=1 ${get(`p${4 * group + lane}`)})`))
    }
    const low = '0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23'
    const high = '8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31'
    const shuffle = (mask, x, y) => `(i8x16.shuffle ${mask} ${get(x)} ${get(y)})`
    lines.push(
      set('n0', shuffle(low, 'm0', 'm1')),
      set('n1', shuffle(high, 'm0', 'm1')),
      set('n2', shuffle(low, 'm2', 'm3')),
      set('n3', shuffle(high, 'm2', 'm3')),
    )
    const first = '0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23'
    const second = '8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31'
    const to = CONSTANTS_BYTES + group * 256 + quarter * 64
    const put = (word, value) =>
      lines.push(`(v128.store offset=${to + 16 * word} align=16 ${get('scratch')} ${value})`)
    put(0, shuffle(first, 'n0', 'n2'))
    put(1, shuffle(second, 'n0', 'n2'))
    put(2, shuffle(first, 'n1', 'n3'))
    put(3, shuffle(second, 'n1', 'n3'))
  }
  return lines
}

/**
 * `update(states, sources, blocks, scratch)`: takes in so many blocks of 64 bytes of each lane. `states` are the words a of all lanes,
 * then b, c and d; `sources` is one address for each lane.
 */
export function md5Lanes(lanes) {
  const groups = Array.from({ length: lanes / 4 }, (_, group) => group)
  const all = Array.from({ length: lanes }, (_, lane) => lane)
  const vectors = groups.flatMap((group) => [...'abcdtu'].map((name) => `${name}${group}`))
  const state = (word, group) => `offset=${16 * (word * groups.length + group)} align=16 ${get('states')}`
  const words = groups.flatMap((group) => [...'abcd'].map((name, word) => ({ name, word, group })))
  return `
(module
  (import "env" "memory" (memory 1))
  (func (export "update") (param $states i32) (param $sources i32) (param $blocks i32) (param $scratch i32)
    ${all.map((lane) => `(local $p${lane} i32)`).join(' ')}
    ${vectors.map((name) => `(local $${name} v128)`).join(' ')}
    ${[0, 1, 2, 3].map((i) => `(local $m${i} v128) (local $n${i} v128)`).join(' ')}
    ${all.map((lane) => set(`p${lane}`, `(i32.load offset=${4 * lane} ${get('sources')})`)).join('\n    ')}
    ${words.map(({ name, word, group }) => set(name + group, `(v128.load ${state(word, group)})`)).join('\n    ')}
    (block $done
      (loop $next
        (br_if $done (i32.eqz ${get('blocks')}))
        (local.set $blocks (i32.sub ${get('blocks')} (i32.const 1)))
        ${groups.flatMap(transpose).join('\n        ')}
        ${Array.from({ length: 64 }, (_, number) =>
          interleaved(groups.map((group) => step(number, group))).join('\n        '),
        ).join('\n        ')}
        ${words
          .map(({ name, word, group }) => {
            const sum = add(get(name + group), `(v128.load ${state(word, group)})`)
            return `${set(name + group, sum)} (v128.store ${state(word, group)} ${get(name + group)})`
          })
          .join('\n        ')}
        ${all.map((lane) => set(`p${lane}`, `(i32.add ${get(`p${lane}`)} (i32.const 64))`)).join('\n        ')}
        (br $next)))))
`
}
