import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readDockerfile } from '../../scripts/image/dockerfile.mjs'
import { readConfig } from '../../src/platform/config.js'
import { packagePath } from '../../src/platform/paths.js'
import { findCompose } from '../support/compose.js'

const text = readFileSync(packagePath('compose.yaml'), 'utf8')
const OWN: Record<string, string> = { OPERATOR_KEY: 'an-operator-key-of-a-test', POSTGRES_PASSWORD: 'letters1' }
/** With what a user has to set, and what is there without. */
const filled = text.replace(/\$\{(\w+):[?-]([^}]*)\}/g, (_, name: string, otherwise: string) => OWN[name] ?? otherwise)
const read = findCompose()
const stages = readDockerfile(readFileSync(packagePath('Dockerfile'), 'utf8')).map(({ name }) => name)

describe.skipIf(!read)('compose.yaml, read as Docker reads it', () => {
  it('is accepted, and refused with a mistake in it', () => {
    const { status, said, services } = read!(filled)
    expect([status, said]).toEqual([0, expect.any(String)])
    expect(Object.keys(services).sort()).toEqual(['attune', 'kafka', 'postgres', 'trainer-gpu'])
    const spoiled = filled.replace('read_only: true', 'read_onl: true')
    expect(read!(spoiled)).toMatchObject({ said: expect.stringContaining('read_onl') as string })
    expect(read!(spoiled).status).not.toBe(0)
  })

  it('does not start without secrets of whoever starts it, and says which', () => {
    const { status, said } = read!(text)
    expect(status).not.toBe(0)
    expect(said).toMatch(/OPERATOR_KEY is missing a value: at least 16 characters|POSTGRES_PASSWORD is missing a value/)
  })

  it('starts each of Attune with settings that it takes, locked up, after what it needs', () => {
    const { services } = read!(filled)
    for (const name of ['attune', 'trainer-gpu']) {
      const { build, environment, read_only, cap_drop, tmpfs, depends_on } = services[name]
      expect(stages).toContain(build?.target)
      const config = readConfig(environment!)
      expect(config.database).toMatchObject({ url: `postgres://attune:${OWN.POSTGRES_PASSWORD}@postgres:5432/attune` })
      expect(read_only).toBe(true)
      expect(cap_drop).toEqual(['ALL'])
      expect(tmpfs?.map((place) => place.split(':')[0]).sort()).toEqual(['/data', '/tmp'])
      expect(Object.keys(depends_on!).sort()).toEqual(['kafka', 'postgres'])
      for (const [other, { condition }] of Object.entries(depends_on!)) {
        expect(condition).toBe('service_healthy')
        expect(services[other].healthcheck?.test.length, other).toBeGreaterThan(1)
      }
    }
    expect(services.attune.environment!.ROLES).toBe('api,ingest,trainer')
    for (const { ports = [] } of Object.values(services))
      for (const port of ports) expect(port.host_ip, String(port.target)).toBe('127.0.0.1')
  })

  it('has a trainer on a GPU in a profile of its own', () => {
    const { profiles, environment, deploy } = read!(filled).services['trainer-gpu']
    expect(profiles).toEqual(['gpu'])
    expect(environment!.ROLES).toBe('trainer')
    expect(deploy?.resources?.reservations?.devices).toEqual([
      expect.objectContaining({ driver: 'nvidia', capabilities: ['gpu'] }),
    ])
  })
})
