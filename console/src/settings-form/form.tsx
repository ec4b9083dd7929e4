import { Checkbox, SimpleGrid, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Section } from '../parts/section'
import { Described } from './described'
import { Field } from './field'
import { RecordField } from './record'
import {
  defaultsOf,
  entryOf,
  isValues,
  nameOf,
  type Path,
  pathText,
  type Schema,
  valueAt,
  type Values,
  withoutNull,
} from './schema'

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
  const rest = { values, errors, onChange }
  return (
    <Stack gap="md">
      {all
        .filter(([, one]) => isPart(one))
        .map(([key, one]) =>
          entryOf(one) ? (
            <Section key={key} title={nameOf(key, one)} about={<Described text={one.description} />} flush>
              {errors.has(key) && (
                <Text c="var(--mantine-color-error)" size="sm" p="md" role="alert">
                  {errors.get(key)}
                </Text>
              )}
              <RecordField path={[key]} schema={one} value={values[key]} errors={errors} onChange={onChange} />
            </Section>
          ) : (
            <Section key={key} title={nameOf(key, one)} about={<Described text={one.description} />}>
              <Fields path={[key]} fields={Object.entries(one.properties ?? {})} {...rest} />
            </Section>
          ),
        )}
      {plain.length > 0 && (
        <Section title="Others">
          <Fields path={[]} fields={plain} {...rest} />
        </Section>
      )}
    </Stack>
  )
}

type FieldsProps = Omit<Props, 'schema'> & { path: Path; fields: [string, Schema][] }

/** Side by side where there is room; what is a whole part of its own may be switched off. */
function Fields({ path, fields, values, errors, onChange }: FieldsProps) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl" verticalSpacing="lg">
      {fields.map(([name, schema]): ReactNode => {
        const at = [...path, name]
        const part = withoutNull(schema).schema
        const value = valueAt(values, at)
        if (!part.properties)
          return (
            <Field
              key={name}
              path={at}
              schema={schema}
              value={value}
              error={errorAt(errors, at, value)}
              onChange={onChange}
            />
          )
        return (
          <Stack key={name} gap="sm">
            <Checkbox
              label={nameOf(name, schema)}
              description={<Described text={schema.description} />}
              checked={isValues(value)}
              error={errors.get(pathText(at))}
              onChange={(event) => onChange(at, event.currentTarget.checked ? defaultsOf(part) : null)}
            />
            {isValues(value) && (
              <Fields
                path={at}
                fields={Object.entries(part.properties)}
                values={values}
                errors={errors}
                onChange={onChange}
              />
            )}
          </Stack>
        )
      })}
    </SimpleGrid>
  )
}

/** Of the field, or of one value in its list. */
function errorAt(errors: Map<string, string>, path: Path, value: unknown): string | undefined {
  const own = errors.get(pathText(path))
  if (own !== undefined || isValues(value)) return own
  const within = `${pathText(path)}.`
  return [...errors].find(([at]) => at.startsWith(within))?.[1]
}
