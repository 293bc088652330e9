// What was tried and how it went: one row for each writer, reader and mode.
const MIB = 1024 * 1024

export class Results {
  #rows = new Map()
  #failures = []
  #progress

  constructor(progress) {
    this.#progress = progress
  }

  get passed() {
    return [...this.#rows.values()].reduce((sum, { passed }) => sum + passed, 0)
  }

  get attempted() {
    return [...this.#rows.values()].reduce((sum, { attempted }) => sum + attempted, 0)
  }

  /** Counts one attempt, which fails if `attempt` throws. */
  async check({ wrote, read, what, size, note }, attempt) {
    const key = [wrote, read, what].join('\n')
    const row = this.#rows.get(key) ?? { wrote, read, what, sizes: new Set(), passed: 0, attempted: 0 }
    this.#rows.set(key, row)
    row.attempted += 1
    if (size !== undefined) row.sizes.add(size)
    try {
      await attempt()
      row.passed += 1
    } catch (error) {
      const place = [wrote + ' -> ' + read, what, sizeName(size), note].filter(Boolean).join(', ')
      const hint = error.hint === undefined ? '' : `; hint: ${error.hint}`
      this.#failures.push(`${place}: ${error.message}${hint}`)
    }
    this.#progress(this.passed, this.attempted)
  }

  /** The table, failures below it, and the sum. */
  print(say) {
    const rows = [...this.#rows.values()].map(({ wrote, read, what, sizes, passed, attempted }) => [
      wrote,
      read,
      what,
      [...sizes]
        .sort((a, b) => a - b)
        .map(sizeName)
        .join(' '),
      `${passed}/${attempted}`,
    ])
    const head = ['wrote', 'read', 'format, mode', 'sizes', 'passed']
    const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)))
    for (const row of [head, widths.map((width) => '-'.repeat(width)), ...rows]) {
      say(
        row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join('  ')
          .trimEnd(),
      )
    }
    for (const failure of this.#failures) say(`FAILED ${failure}`)
    say(`${this.passed}/${this.attempted} passed`)
  }
}

/** Bytes as people say them: `1Mi-1`. */
function sizeName(size) {
  if (size === undefined) return ''
  const whole = Math.round(size / MIB)
  if (whole === 0) return String(size)
  const rest = size - whole * MIB
  return `${whole}Mi${rest === 0 ? '' : rest > 0 ? `+${rest}` : rest}`
}
