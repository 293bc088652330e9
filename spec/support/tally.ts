/** Counting what became of many small changes, by place, reader and outcome. */

/** Where a change was made and who read the object then. */
export interface Case {
  readonly place: string
  readonly reader: string
}

/** A {@link Tally} as JSON. */
export interface TallyText {
  readonly counts: readonly [place: string, reader: string, outcome: string, count: number][]
  readonly violations: readonly string[]
}

/** A row of the table. */
export interface TallyRow extends Case {
  readonly outcomes: ReadonlyMap<string, number>
  readonly total: number
}

/** Violations are kept in words, but not without end. */
const MOST_VIOLATIONS = 20

export class Tally {
  readonly #rows = new Map<string, Case & { outcomes: Map<string, number> }>()
  /** What should not have been: the first twenty. */
  readonly violations: string[] = []

  /** @param violation - In words, where the outcome is one that must not be. */
  add({ place, reader }: Case, outcome: string, violation?: string, count = 1): void {
    const id = `${place}|${reader}`
    const row = this.#rows.get(id) ?? { place, reader, outcomes: new Map<string, number>() }
    this.#rows.set(id, row)
    row.outcomes.set(outcome, (row.outcomes.get(outcome) ?? 0) + count)
    if (violation !== undefined && this.violations.length < MOST_VIOLATIONS) {
      this.violations.push(`${place}, read by ${reader}: ${violation}`)
    }
  }

  merge({ counts, violations }: TallyText): void {
    for (const [place, reader, outcome, count] of counts)
      this.add({ place, reader }, outcome, undefined, count)
    this.violations.push(...violations.slice(0, MOST_VIOLATIONS - this.violations.length))
  }

  /** In the order of {@link Tally.add}; the readers of one place together. */
  get rows(): TallyRow[] {
    const rows = [...this.#rows.values()]
    const places = [...new Set(rows.map(({ place }) => place))]
    return places.flatMap((place) =>
      rows
        .filter((row) => row.place === place)
        .map((row) => ({ ...row, total: [...row.outcomes.values()].reduce((sum, count) => sum + count, 0) })),
    )
  }

  /** Changes in all. */
  get total(): number {
    return this.rows.reduce((sum, { total }) => sum + total, 0)
  }

  /** Every outcome that was met anywhere. */
  get outcomes(): string[] {
    return [...new Set(this.rows.flatMap(({ outcomes }) => [...outcomes.keys()]))].sort()
  }

  toJSON(): TallyText {
    const counts = this.rows.flatMap(({ place, reader, outcomes }) =>
      [...outcomes].map(([outcome, count]): TallyText['counts'][number] => [place, reader, outcome, count]),
    )
    return { counts, violations: this.violations }
  }

  /** Lines of text, columns aligned. */
  table(): string[] {
    const { outcomes } = this
    const lines = [
      ['place', 'reader', 'flips', ...outcomes.map((outcome) => outcome.replace(/^SEALSTREAM_/, ''))],
      ...this.rows.map((row) => [
        row.place,
        row.reader,
        String(row.total),
        ...outcomes.map((outcome) => String(row.outcomes.get(outcome) ?? '')),
      ]),
    ]
    const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
    return lines.map((line) =>
      line
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
  }
}
