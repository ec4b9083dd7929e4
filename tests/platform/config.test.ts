import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Environment, readConfig } from '../../src/platform/config.js'
import { packagePath } from '../../src/platform/paths.js'

describe('configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      roles: ['api', 'ingest', 'trainer'],
      dataDir: '.attune',
      kafka: undefined,
    })
  })

  it('says every problem at once, and no value', () => {
    const read = () =>
      readConfig({
        PORT: 'x',
        ROLES: 'api,cook',
        OPERATOR_KEY: 'short-secret',
        DATABASE_URL: 'mysql://u:hidden@h/d',
        LOG_LEVEL: 'loud',
        KAFKA_SSL: 'maybe',
      })
    expect(read).toThrow(/PORT[^]*ROLES[^]*DATABASE_URL[^]*OPERATOR_KEY[^]*KAFKA_SSL[^]*LOG_LEVEL/)
    expect(read).not.toThrow(/hidden|short-secret/)
    expect(read).toThrow('PORT: has to be a whole number from 0 to 65535')
  })

  it('takes an empty variable as one that is not set', () => {
    expect(readConfig({ DATABASE_URL: '', KAFKA_BROKERS: '', PORT: '' })).toMatchObject({
      port: 3000,
      database: { url: undefined },
    })
  })

  it('takes addresses and networks of proxies, and nothing else', () => {
    const trusted = (value: string) => readConfig({ TRUSTED_PROXIES: value }).trustedProxies
    expect(trusted('10.0.0.0/8, 192.0.2.7,2001:db8::/32')).toEqual(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'])
    expect(trusted('')).toEqual([])
    for (const wrong of ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '2001:db8::/129', '10.0.0/8', '10.0.0.0/x'])
      expect(() => trusted(wrong), wrong).toThrow('TRUSTED_PROXIES')
  })

  it('asks for name and password of SASL', () => {
    expect(() => readConfig({ KAFKA_BROKERS: 'a:1', KAFKA_SASL_MECHANISM: 'plain' })).toThrow(
      /KAFKA_SASL_USERNAME[^]*KAFKA_SASL_PASSWORD/,
    )
  })

  it('asks for the database that a direct way leads to', () => {
    const DATABASE_DIRECT_URL = 'postgres://a@b/c'
    expect(() => readConfig({ DATABASE_DIRECT_URL })).toThrow('DATABASE_URL: needed with DATABASE_DIRECT_URL')
    expect(() => readConfig({ DATABASE_URL: 'postgres://a@b/c', DATABASE_DIRECT_URL: 'b:5432' })).toThrow(
      'DATABASE_DIRECT_URL: has to be a postgres:// address',
    )
  })

  it('takes a bucket and a folder for model files', () => {
    const read = (ARTIFACTS_URL: string, more = {}) => readConfig({ ARTIFACTS_URL, ...more }).artifacts
    expect(read('s3://models')).toEqual({ bucket: 'models', prefix: '' })
    expect(read('s3://models/attune/live/', { ARTIFACTS_ENDPOINT: 'http://minio:9000' })).toEqual({
      bucket: 'models',
      prefix: 'attune/live/',
      endpoint: 'http://minio:9000',
      region: 'us-east-1',
    })
    const wrong = ['models', 'http://models', 's3://', 's3://M', 's3://a', 's3://models/..', 's3://models/./x']
    for (const url of [...wrong, 's3://models//x', 's3://key:word@models', 's3://models/a b', 's3://models?x=1'])
      expect(() => read(url), url).toThrow('ARTIFACTS_URL')
  })

  it('is listed whole in .env.example, with the defaults that hold', () => {
    const lines = readFileSync(packagePath('.env.example'), 'utf8').split('\n')
    const listed = Object.fromEntries(
      lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2)),
    ) as Record<string, string>
    expect(Object.keys(listed).sort()).toEqual(Object.keys(Environment.shape).sort())
    expect(readConfig(listed)).toEqual(readConfig({}))
  })
})
