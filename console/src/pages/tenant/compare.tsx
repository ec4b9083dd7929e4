import { Anchor, Group, Select } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router'
import { Comparison } from '../../comparison'
import { PageTitle } from '../../parts/page-title'
import { Promote, RollBack } from '../../parts/promotion'
import { Empty, Failure, Loading } from '../../parts/states'
import { tenantPath } from '../../paths'
import { versionOf, versionNamesOf } from '../../queries'
import { useTenant } from '.'

export default function Compare() {
  const tenant = useTenant()
  const [parameters, setParameters] = useSearchParams()
  const ids = ['a', 'b'].map((side) => parameters.get(side) ?? '')
  const known = useQuery(versionNamesOf(tenant))
  const versions = useQueries({ queries: ids.map((id) => ({ ...versionOf(tenant, id), enabled: id !== '' })) })
  const failed = versions.find(({ isError }) => isError)
  const found = versions.flatMap(({ data }) => (data ? [data] : []))
  const choices = [...new Set([...ids, ...(known.data?.data ?? []).map(({ id }) => id)])].filter((id) => id !== '')
  const newest = found.at(-1)
  return (
    <>
      <PageTitle title="Two versions side by side" of={tenant}>
        <Anchor component={Link} to={tenantPath(tenant, 'versions')}>
          All versions
        </Anchor>
        {newest && (newest.serving ? <RollBack tenant={tenant} /> : <Promote tenant={tenant} version={newest} />)}
      </PageTitle>
      <Group gap="sm" mb="md" grow>
        {['a', 'b'].map((side, place) => (
          <Select
            key={side}
            label={place === 0 ? 'First' : 'Second'}
            data={choices}
            value={ids[place] === '' ? null : ids[place]}
            onChange={(id) =>
              id !== null && setParameters((old) => new URLSearchParams({ ...Object.fromEntries(old), [side]: id }))
            }
          />
        ))}
      </Group>
      {failed ? (
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      ) : ids.includes('') ? (
        <Empty title="Choose two versions" />
      ) : found.length < 2 ? (
        <Loading what="the versions" />
      ) : (
        <Comparison tenant={tenant} versions={found} />
      )}
    </>
  )
}
