import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { call, isProblem, setCsrfToken } from './api'
import type { Scope } from './contract'
import { Failure, Loading } from './parts/states'
import { SignIn } from './pages/sign-in'

/** Who is signed in. */
export interface Session {
  kind: 'operator' | 'tenant'
  /** The only one that a tenant's key sees; null: all. */
  tenant: string | null
  scopes: Scope[]
  csrfToken: string
}

const Context = createContext<Session | null>(null)
export const SESSION = ['session']

/** @throws Error outside of a signed-in page */
export function useSession(): Session {
  const session = useContext(Context)
  if (!session) throw new Error('nobody is signed in')
  return session
}

/** Whether whoever is signed in may do what needs the scope. */
export function useMay(): (scope: Scope) => boolean {
  const { scopes } = useSession()
  return (scope) => scopes.includes(scope)
}

export function useSignOut() {
  const queries = useQueryClient()
  return async () => {
    try {
      await call('/console/session', { method: 'DELETE' })
    } catch (error) {
      // Ended already. Where it goes on, nobody may believe that he is signed out.
      if (!isProblem(error) || error.status !== 401) return void location.reload()
    }
    setCsrfToken(null)
    // What was read with the key goes with it.
    queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] })
    queries.setQueryData(SESSION, null)
  }
}

/** Whether the service said with the page that this browser has no session. True once: another page may sign in later. */
function isNobody(): boolean {
  const said = document.querySelector<HTMLMetaElement>('meta[name="signed-in"]')
  if (said?.content !== 'no') return false
  said.content = ''
  return true
}

/** Shows the page to whoever is signed in, and a form to who is not. */
export function SignedIn({ children }: { children: ReactNode }) {
  const session = useQuery({
    queryKey: SESSION,
    queryFn: async ({ signal }) => {
      if (isNobody()) return null
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
