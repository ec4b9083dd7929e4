import type { VersionFile } from '../model/version-file.js'
import { eventTypeTable } from '../tenants/settings.js'
import type { Tenant } from '../tenants/tenants.service.js'

/** How far a model has read. */
export interface Position {
  items: string
  events: string
  /** Arrivals that the next read may give again. */
  read: { has(arrival: number): boolean }
  /** When each item that the last read gave was accepted: the next one may give it again. */
  accepted: Map<string, number>
  /** What the base depends on of the settings. */
  settings: string
  /** Items with a vector when the text space was fitted. */
  fitted: number
  /** From before anything was read: who was erased since may be counted. */
  moment: string
  /** Of the tenant at the last look; null: there was something left to do, so that it is looked at again anyway. */
  mark: string | null
  /** When the tenant was made: it may be removed, and another one made under its id. */
  tenantMade: number
}

/** A stored version that a model is made of. */
export interface Version {
  id: string
  file: VersionFile
}

/** @returns `Position.settings` */
export const baseKey = ({ baseModel, settings }: Pick<Tenant, 'baseModel' | 'settings'>) =>
  JSON.stringify([baseModel, eventTypeTable(settings), settings.training.without])
