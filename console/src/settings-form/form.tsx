import { Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Section } from '../parts/section'
import { Field } from './field'
import { RecordField } from './record'
import { entryOf, isValues, nameOf, type Path, pathText, type Schema, valueAt, type Values } from './schema'

interface Props {
  schema: Schema
  values: Values
  /** By path. */
  errors: Map<string, string>
  onChange: (path: Path, value: unknown) => void
}

/** A form for values of a schema: a section for each object, the rest of the top together. */
export function SchemaForm({ schema, values, errors, onChange }: Props) {
  const all = Object.entries(schema.properties ?? {})
  const isPart = (one: Schema) => one.properties !== undefined || entryOf(one) !== undefined
  const plain = all.filter(([, one]) => !isPart(one))
  const field = (path: Path, one: Schema): ReactNode => (
    <Field
      key={pathText(path)}
      path={path}
      schema={one}
      value={valueAt(values, path)}
      error={errorAt(errors, path, valueAt(values, path))}
      onChange={onChange}
    />
  )
  return (
    <Stack gap="md">
      {all
        .filter(([, one]) => isPart(one))
        .map(([key, one]) =>
          entryOf(one) ? (
            <Section key={key} title={nameOf(key, one)} about={one.description} flush>
              {errors.has(key) && (
                <Text c="var(--mantine-color-error)" size="sm" p="md" role="alert">
                  {errors.get(key)}
                </Text>
              )}
              <RecordField path={[key]} schema={one} value={values[key]} errors={errors} onChange={onChange} />
            </Section>
          ) : (
            <Section key={key} title={nameOf(key, one)} about={one.description}>
              <Stack gap="md">
                {Object.entries(one.properties ?? {}).map(([name, inner]) => field([key, name], inner))}
              </Stack>
            </Section>
          ),
        )}
      {plain.length > 0 && (
        <Section title="Others">
          <Stack gap="md">{plain.map(([key, one]) => field([key], one))}</Stack>
        </Section>
      )}
    </Stack>
  )
}

/** Of the field, or of one value in its list. */
function errorAt(errors: Map<string, string>, path: Path, value: unknown): string | undefined {
  const own = errors.get(pathText(path))
  if (own !== undefined || isValues(value)) return own
  const within = `${pathText(path)}.`
  return [...errors].find(([at]) => at.startsWith(within))?.[1]
}
