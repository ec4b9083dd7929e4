import { ActionIcon, Button, Group, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { type Column, Rows } from '../parts/rows'
import { Field } from './field'
import { entryOf, isValues, nameOf, type Path, pathText, type Schema, valueAt } from './schema'

interface Props {
  path: Path
  schema: Schema
  value: unknown
  errors: Map<string, string>
  onChange: (path: Path, value: unknown) => void
}

/** Names that the tenant chooses, a row each. */
export function RecordField({ path, schema, value, errors, onChange }: Props) {
  const [name, setName] = useState('')
  const names = Object.keys(isValues(value) ? value : {}).sort()
  const entry = entryOf(schema) ?? {}
  const leaves = leavesOf(entry, [])
  const columns: Column<string>[] = [
    {
      label: 'Name',
      head: true,
      render: (one) => (
        <>
          <code>{one}</code>
          {errors.has(pathText([...path, one])) && (
            <div role="alert" style={{ color: 'var(--mantine-color-error)' }}>
              {errors.get(pathText([...path, one]))}
            </div>
          )}
        </>
      ),
    },
    ...leaves.map(({ at, schema: leaf }) => ({
      label: nameOf(at.at(-1)!, leaf),
      render: (one: string) => (
        <Field
          path={[...path, one, ...at]}
          schema={leaf}
          label={`${one}: ${nameOf(at.at(-1)!, leaf)}`}
          value={valueAt(value, [one, ...at])}
          error={
            errors.get(pathText([...path, one, ...at])) ?? errors.get(pathText([...path, one, ...at.slice(0, -1)]))
          }
          onChange={onChange}
        />
      ),
    })),
    {
      label: 'Remove',
      end: true,
      render: (one) => (
        <ActionIcon
          variant="default"
          size={30}
          aria-label={`Remove ${one}`}
          onClick={() => onChange([...path, one], undefined)}
        >
          <IconTrash size={15} aria-hidden />
        </ActionIcon>
      ),
    },
  ]
  const add = () => {
    if (name === '' || names.includes(name)) return
    onChange([...path, name], startOf(entry))
    setName('')
  }
  return (
    <>
      <Rows caption={nameOf(path.at(-1)!, schema)} columns={columns} rows={names} keyOf={(one) => one} />
      <Group gap="xs" p="md" align="flex-start">
        <TextInput
          size="xs"
          aria-label="Name to add"
          placeholder="Name to add"
          value={name}
          error={names.includes(name) && 'is there already'}
          onChange={(event) => setName(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return
            event.preventDefault()
            add()
          }}
        />
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} disabled={name === ''} onClick={add}>
          Add
        </Button>
      </Group>
    </>
  )
}

/** The fields of an entry, also those of objects in it. */
function leavesOf({ properties = {} }: Schema, at: Path): { at: Path; schema: Schema }[] {
  return Object.entries(properties).flatMap(([key, schema]) =>
    schema.properties ? leavesOf(schema, [...at, key]) : [{ at: [...at, key], schema }],
  )
}

/** Where a new entry starts: what it has to have. */
function startOf({ properties = {}, required = [] }: Schema) {
  return Object.fromEntries(
    required.map((key) => {
      const { default: usual, enum: choices, type } = properties[key] ?? {}
      return [key, usual ?? choices?.[0] ?? (type === 'string' ? '' : type === 'boolean' ? false : 1)]
    }),
  )
}
