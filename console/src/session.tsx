import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { call, isProblem, setCsrfToken } from './api'
import { Failure, Loading } from './parts/states'
import { SignIn } from './pages/sign-in'

/** Who is signed in. */
export interface Session {
  kind: 'operator' | 'key'
  /** The only one that a tenant's key sees. */
  tenant?: string
  scopes?: string[]
  csrfToken: string
}

const Context = createContext<Session | null>(null)

/** @throws Error outside of a signed-in page */
export function useSession(): Session {
  const session = useContext(Context)
  if (!session) throw new Error('nobody is signed in')
  return session
}

/** Whether whoever is signed in may do what needs the scope. */
export const useMay = (scope: string): boolean => {
  const { kind, scopes } = useSession()
  return kind === 'operator' || (scopes ?? []).includes(scope)
}

export function useSignOut() {
  const queries = useQueryClient()
  return async () => {
    await call('/console/session', { method: 'DELETE' }).catch(() => undefined)
    setCsrfToken(null)
    queries.clear()
    await queries.invalidateQueries()
  }
}

/** Shows the page to whoever is signed in, and a form to who is not. */
export function SignedIn({ children }: { children: ReactNode }) {
  const session = useQuery({
    queryKey: ['session'],
    queryFn: async ({ signal }) => {
      try {
        const found = await call<Session>('/console/session', { signal })
        setCsrfToken(found.csrfToken)
        return found
      } catch (error) {
        if (isProblem(error) && error.status === 401) return null
        throw error
      }
    },
    staleTime: 60_000,
  })
  if (session.isPending) return <Loading what="the session" />
  if (session.isError) return <Failure error={session.error} retry={() => void session.refetch()} />
  if (session.data === null) return <SignIn onSignedIn={() => void session.refetch()} />
  return <Context value={session.data}>{children}</Context>
}
