import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { packagePath } from '../../src/platform/paths.js'

describe('attune/client', () => {
  it('is what a program that has the package imports, and has types', () => {
    const program = `import { Attune, AttuneError } from 'attune/client'
      console.log(new Attune({ server: 'http://127.0.0.1:1', key: 'k' }).events.counts.waiting, AttuneError.name)`
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: packagePath() })
    expect(printed.toString()).toBe('0 AttuneError\n')
    const { exports } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
      exports: Record<string, { types: string }>
    }
    expect(readFileSync(packagePath(exports['./client'].types), 'utf8')).toContain('Attune')
  })
})
