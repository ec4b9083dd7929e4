import { Alert, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { call, isProblem, of } from '../../api'
import type { Tenant } from '../../contract'
import { Confirm } from '../../parts/confirm'
import { useSay } from '../../parts/notices'
import { PageTitle } from '../../parts/page-title'
import { Section } from '../../parts/section'
import { Failure, Loading } from '../../parts/states'
import { overviewOf, settingsOf, tenantKey } from '../../queries'
import { SchemaForm } from '../../settings-form/form'
import { changesOf, patchOf, resolved, type Schema, valueAt, type Values, withValue } from '../../settings-form/schema'
import { useTenant } from '.'
import classes from './settings.module.css'

export default function Settings() {
  const tenant = useTenant()
  const settings = useQuery(settingsOf(tenant))
  const schema = useQuery({
    queryKey: ['settings schema'],
    queryFn: async ({ signal }) => {
      const { components } = await call<{ components: { schemas: Record<string, Schema> } }>('/openapi.json', {
        signal,
      })
      return resolved(components.schemas.Settings, components.schemas)
    },
    staleTime: Infinity,
  })
  const failed = [settings, schema].find(({ isError }) => isError)
  return (
    <>
      <PageTitle title="Settings" of={tenant} />
      {failed ? (
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      ) : settings.data && schema.data ? (
        // What was saved is what the form begins with anew.
        <Form key={JSON.stringify(settings.data)} tenant={settings.data} schema={schema.data} />
      ) : (
        <Loading what="the settings" />
      )}
    </>
  )
}

const BASES = [
  { value: 'default', label: 'Let the first training find out' },
  { value: 'shops', label: 'Shops' },
  { value: 'media', label: 'Media: what is recent and new first' },
]

function Form({ tenant, schema }: { tenant: Tenant; schema: Schema }) {
  const [name, setName] = useState(tenant.name)
  const [baseModel, setBaseModel] = useState(tenant.baseModel)
  const [values, setValues] = useState<Values>(tenant.settings)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const queries = useQueryClient()
  const say = useSay()
  const form = useRef<HTMLFormElement>(null)

  const settings = patchOf(tenant.settings, values)
  const own = { ...(name !== tenant.name && { name }), ...(baseModel !== tenant.baseModel && { baseModel }) }
  const changes = Object.keys(own).length + changesOf(settings)
  const errors = errorsOf(error)

  async function save(event: FormEvent) {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const saved = await call<Tenant>(of(tenant.id), {
        method: 'PATCH',
        body: { ...own, ...(changesOf(settings) > 0 && { settings: sayNever(settings) }) },
      })
      queries.setQueryData(settingsOf(tenant.id).queryKey, saved)
      void queries.invalidateQueries({ queryKey: overviewOf(tenant.id).queryKey })
      say('The settings are saved.')
    } catch (failed) {
      setError(failed)
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
    } finally {
      setBusy(false)
    }
  }

  return (
    <form ref={form} noValidate onSubmit={(event) => void save(event)}>
      <Stack gap="md">
        <Section title="Tenant">
          <Stack gap="md">
            <TextInput
              label="Name"
              maw={420}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={errors.get('name')}
            />
            <Select
              label="Base"
              description="What serves before the first training, and what a fit on few users is drawn to."
              styles={{ wrapper: { maxWidth: 420 } }}
              allowDeselect={false}
              data={BASES}
              value={baseModel}
              onChange={(value) => value !== null && setBaseModel(value)}
            />
          </Stack>
        </Section>
        <SchemaForm
          schema={schema}
          values={values}
          errors={errors}
          onChange={(path, value) => setValues((old) => withValue(old, path, value))}
        />
        <Removal tenant={tenant} />
      </Stack>
      {error !== null &&
        (errors.size > 0 ? (
          <Alert color="red" role="alert" mt="md" title="Not saved">
            {errors.size === 1 ? 'One field does not fit' : `${errors.size} fields do not fit`}; what is wrong stands
            beside each.
          </Alert>
        ) : (
          <Failure error={error} />
        ))}
      <div className={classes.bar}>
        <Text size="sm" role="status">
          {changes === 0 ? 'Nothing changed' : changes === 1 ? '1 change' : `${changes} changes`}
        </Text>
        <Group gap="xs">
          <Button
            variant="default"
            disabled={changes === 0}
            onClick={() => {
              setName(tenant.name)
              setBaseModel(tenant.baseModel)
              setValues(tenant.settings)
              setError(null)
            }}
          >
            Discard
          </Button>
          <Button type="submit" loading={busy} disabled={changes === 0}>
            Save
          </Button>
        </Group>
      </div>
    </form>
  )
}

/** Paths of the settings as the form has them: without the first word. */
const errorsOf = (error: unknown) =>
  new Map(isProblem(error) ? error.errors.map(({ path, message }) => [path.replace(/^settings\./, ''), message]) : [])

/** In a merge patch null takes a field back to its default; that there be no schedule is said by a word. */
const sayNever = (patch: Values): Values =>
  valueAt(patch, ['training', 'schedule']) === null ? withValue(patch, ['training', 'schedule'], 'never') : patch

function Removal({ tenant }: { tenant: Tenant }) {
  const [asking, setAsking] = useState(false)
  const [typed, setTyped] = useState('')
  const navigate = useNavigate()
  const queries = useQueryClient()
  const say = useSay()
  return (
    <Section
      title="Delete the tenant"
      about="Everything of it: items, events, users, models, keys. It cannot be undone."
    >
      <Button color="red" variant="outline" onClick={() => setAsking(true)}>
        Delete …
      </Button>
      <Confirm
        opened={asking}
        onClose={() => {
          setAsking(false)
          setTyped('')
        }}
        title={`Delete ${tenant.name}?`}
        action="Delete everything"
        destructive
        disabled={typed !== tenant.id}
        onConfirm={async () => {
          await call(of(tenant.id), { method: 'DELETE' })
          queries.removeQueries({ queryKey: tenantKey(tenant.id) })
          say(`${tenant.name} is being deleted.`)
          void navigate('/')
        }}
      >
        <TextInput
          label={`To be sure, type its id: ${tenant.id}`}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </Confirm>
    </Section>
  )
}
