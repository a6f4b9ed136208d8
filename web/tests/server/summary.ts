import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter'

/** At the end: what was measured against what was promised, as a table, and one plain line. */
export default class Summary implements Reporter {
  private readonly measured: string[][] = []
  private readonly counts = { passed: 0, failed: 0, skipped: 0 }
  private readonly begun = Date.now()

  onTestEnd(test: TestCase, result: TestResult): void {
    this.counts[result.status === 'passed' ? 'passed' : result.status === 'skipped' ? 'skipped' : 'failed'] += 1
    for (const { type, description } of result.annotations) {
      if (type === 'gate') this.measured.push([...(description ?? '').split('|'), result.status === 'passed' ? 'ok' : 'FAILED'])
      else if (type === 'skip' && description) this.measured.push([test.title, 'skipped', description, ''])
    }
  }

  onEnd(result: FullResult): void {
    const rows = [['gate', 'measured', 'limit', ''], ...this.measured.sort(([a = ''], [b = '']) => a.localeCompare(b))]
    const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
    const lines = this.measured.length ? rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()) : []
    const { passed, failed, skipped } = this.counts
    const seconds = Math.round((Date.now() - this.begun) / 1000)
    process.stdout.write(`\n${lines.join('\n')}\nBrowser tests: ${result.status}; ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s\n`)
  }

  printsToStdio(): boolean {
    return true
  }
}
