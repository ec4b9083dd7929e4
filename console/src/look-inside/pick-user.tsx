import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { call, of, query } from '../api'
import type { ActiveUser, Page } from '../contract'
import { nearMoment } from '../numbers'
import { tenantKey } from '../queries'

/** Users by the beginning of their ids; those who did something last, where nothing is typed. */
export function PickUser(props: { tenant: string; userId: string; onPick: (userId: string) => void }) {
  const { tenant, userId, onPick } = props
  const [typed, setTyped] = useState('')
  const [prefix] = useDebouncedValue(typed === userId ? '' : typed, 250)
  const users = useQuery({
    queryKey: [...tenantKey(tenant), 'users', prefix],
    queryFn: ({ signal }) => call<Page<ActiveUser>>(query(of(tenant, '/users'), { limit: 30, prefix }), { signal }),
    placeholderData: keepPreviousData,
  })
  const found = users.data?.data ?? []
  const said = new Map(found.map((user) => [user.userId, `${user.lastType}, ${nearMoment(user.lastEventAt)}`]))
  // An id that is whole but not listed can be asked for, too: a user without events is somebody as well.
  const choices = [...new Set([...found.map((user) => user.userId), typed.trim(), userId])].filter((id) => id !== '')
  return (
    <Select
      label="User"
      description="Those who did something last, or the beginning of an id"
      searchable
      clearable
      maw={420}
      placeholder="Pick or type an id"
      data={choices}
      filter={({ options }) => options}
      value={userId === '' ? null : userId}
      searchValue={typed}
      onSearchChange={setTyped}
      onChange={(id) => onPick(id ?? '')}
      nothingFoundMessage={users.isPending ? 'Loading' : 'No user yet'}
      renderOption={({ option }) => (
        <span>
          {option.value} <span style={{ color: 'var(--mantine-color-dimmed)' }}>{said.get(option.value)}</span>
        </span>
      )}
      error={users.isError ? users.error.message : undefined}
    />
  )
}
