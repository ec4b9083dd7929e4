import { Title } from '@mantine/core'

export default function Tenants() {
  return <Title order={1}>Tenants</Title>
}
