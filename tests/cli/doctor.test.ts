import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Diagnosis } from '../../src/cli/doctor.js'
import { doctorTable } from '../../src/cli/doctor-table.js'
import { freePort } from '../../src/platform/embedded-postgres.js'
import { packagePath } from '../../src/platform/paths.js'
import { testDatabase } from '../support/service.js'

/** `attune doctor` as it is built, in an environment of its own. */
function doctor(args: string[], env: Record<string, string>): Promise<{ code: number; printed: string }> {
  const { PATH, LD_LIBRARY_PATH } = process.env
  return new Promise((done) => {
    execFile(
      process.execPath,
      [packagePath('dist', 'src', 'cli', 'main.js'), 'doctor', ...args],
      { env: { PATH, ...(LD_LIBRARY_PATH && { LD_LIBRARY_PATH }), ...env } },
      (error, printed) => done({ code: error ? Number(error.code) : 0, printed }),
    )
  })
}

describe('attune doctor', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'attune-look-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('says for programs what is here, and ends with 0 where the service could run', async () => {
    const database = await testDatabase()
    const dataDir = join(folder, 'data')
    const { code, printed } = await doctor(['--json'], { DATABASE_URL: database.url, DATA_DIR: dataDir })
    await database.drop()
    const diagnosis = JSON.parse(printed) as Diagnosis & { version: string }
    expect(code).toBe(0)
    expect(diagnosis).toMatchObject({ ok: true, backend: 'auto', machine: { node: process.versions.node } })
    expect(diagnosis.version).toMatch(/^\d+\.\d+\.\d+/)
    expect(diagnosis.machine.cores).toBeGreaterThan(0)
    expect(diagnosis.engines.map(({ engine }) => engine)).toEqual(['cuda', 'native', 'webgpu', 'wasm', 'cpu'])
    for (const { works, reason, gflops } of diagnosis.engines)
      if (works) expect(gflops).toBeGreaterThan(0)
      else expect(reason).toMatch(/\S/)
    expect(diagnosis.engines.find(({ engine }) => engine === diagnosis.engine)?.works).toBe(true)
    expect(Object.fromEntries(diagnosis.checks.map(({ name, ok }) => [name, ok]))).toEqual({
      Node: true,
      Machine: true,
      Settings: true,
      'Data folder': true,
      Database: true,
      Kafka: null,
      Models: true,
      Training: true,
    })
    expect(diagnosis.training?.runsAtOnce).toBeGreaterThan(0)
    // A look leaves nothing behind.
    expect(existsSync(dataDir)).toBe(false)
    expect(await readdir(folder)).toEqual([])
  })

  it('says for people what is wrong, without secrets, and ends with 1', async () => {
    const port = await freePort()
    const { code, printed } = await doctor([], {
      DATABASE_URL: `postgres://someone:hidden-word@127.0.0.1:${port}/there`,
      DATA_DIR: folder,
      BACKEND: 'wasm',
      ROLES: 'api',
    })
    expect(code).toBe(1)
    expect(printed).toMatch(new RegExp(`^NO +Database +connect ECONNREFUSED 127\\.0\\.0\\.1:${port}$`, 'm'))
    expect(printed).toMatch(/^ok +wasm +[\d.]+ GFLOP\/s <- BACKEND=wasm takes this one$/m)
    expect(printed).toContain('The service cannot run here')
    expect(printed).not.toContain('hidden-word')
    expect(printed).not.toContain('Training')
    for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it.skipIf(process.platform === 'win32')('leaves nothing behind where it is ended in its midst', async () => {
    const trials = await mkdtemp(join(folder, 'trials-'))
    const child = spawn(process.execPath, [packagePath('dist', 'src', 'cli', 'main.js'), 'doctor'], {
      env: { PATH: process.env.PATH, TMPDIR: trials, DATA_DIR: join(folder, 'none') },
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    // It makes a database to try; initdb works on it now.
    while ((await readdir(trials, { recursive: true })).length < 2) await new Promise((next) => setTimeout(next, 20))
    child.kill('SIGTERM')
    child.kill('SIGTERM')
    expect(await ended).toEqual([null, 'SIGTERM'])
    expect(await readdir(trials)).toEqual([])
  })

  it('tells of settings that do not fit, and looks at the rest', async () => {
    const { code, printed } = await doctor(['--json'], { PORT: 'x', BACKEND: 'abacus', DATA_DIR: folder })
    const { ok, checks } = JSON.parse(printed) as Diagnosis
    expect([code, ok]).toEqual([1, false])
    const settings = checks.find(({ name }) => name === 'Settings')
    expect(settings).toMatchObject({ ok: false })
    expect(settings?.detail).toMatch(/PORT[^]*BACKEND/)
    expect(checks.find(({ name }) => name === 'Models')?.ok).toBe(true)
  })
})

describe('the table of attune doctor', () => {
  const diagnosis: Diagnosis = {
    ok: false,
    checks: [
      { name: 'Node', ok: true, detail: '20.20.2' },
      { name: 'Kafka', ok: null, detail: 'not configured' },
      { name: 'Database', ok: false, detail: `connect ${'x'.repeat(120)} and ${'some words '.repeat(12)}` },
    ],
    engines: [
      { engine: 'cuda', works: false, reason: 'not installed' },
      { engine: 'native', works: false, reason: 'it computes wrongly: 1 instead of 2' },
    ],
    backend: 'native',
    engine: null,
    fallback: `Training falls back to 'wasm'. native: ${'a long reason '.repeat(10)}`,
    machine: { node: '20.20.2', platform: 'linux x64', cores: 2, memoryBytes: 2 ** 34 },
    training: null,
  }

  it('keeps within the width and loses no word', () => {
    for (const width of [40, 80, 200]) {
      const table = doctorTable(diagnosis, width)
      for (const line of table.split('\n').filter((text) => !text.startsWith('The service')))
        expect(line.length).toBeLessThanOrEqual(Math.max(width, 54))
      expect(table.match(/some/g)).toHaveLength(12)
      expect(table.match(/x/g)?.length).toBeGreaterThanOrEqual(120)
      expect(table.match(/reason/g)).toHaveLength(10)
    }
  })

  it('marks what stands in the way, and not what nobody asked for', () => {
    const table = doctorTable(diagnosis)
    expect(table).toMatch(/^ok +Node/m)
    expect(table).toMatch(/^- +Kafka/m)
    expect(table).toMatch(/^NO +Database/m)
    expect(table).toMatch(/^- +cuda/m)
    expect(table).toMatch(/^NO +native/m)
    expect(table).toContain('No engine works for BACKEND=native.')
  })
})
