import { Anchor, Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from 'react-router'
import { PageTitle } from '../../parts/page-title'
import { Promote, RollBack } from '../../parts/promotion'
import { Failure, Loading } from '../../parts/states'
import { comparePath, tenantPath } from '../../paths'
import { versionOf, versionNamesOf } from '../../queries'
import { Comparison } from '../../comparison'
import { useTenant } from '.'

export default function Version() {
  const tenant = useTenant()
  const { version: id = '' } = useParams()
  const version = useQuery(versionOf(tenant, id))
  const versions = useQuery(versionNamesOf(tenant))
  const navigate = useNavigate()
  const { data } = version
  return (
    <>
      <PageTitle title={`Version ${id}`} of={tenant}>
        <Anchor component={Link} to={tenantPath(tenant, 'versions')}>
          All versions
        </Anchor>
        <Select
          size="xs"
          w={230}
          aria-label="Compare with"
          placeholder="Compare with …"
          value={null}
          data={(versions.data?.data ?? []).map((one) => one.id).filter((one) => one !== id)}
          nothingFoundMessage="There is no other version"
          onChange={(other) => other !== null && void navigate(comparePath(tenant, other, id))}
        />
        {data && (data.serving ? <RollBack tenant={tenant} /> : <Promote tenant={tenant} version={data} />)}
      </PageTitle>
      {version.isPending && <Loading what="the version" />}
      {version.isError && <Failure error={version.error} retry={() => void version.refetch()} />}
      {data && <Comparison tenant={tenant} versions={[data]} />}
    </>
  )
}
