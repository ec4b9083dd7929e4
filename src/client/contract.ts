/** Generated from openapi.json by `npm run openapi`: not changed by hand. */

export interface paths {
    "/v1/tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All tenants
         * @description Needs: operator
         */
        get: operations["getVTenants"];
        put?: never;
        /**
         * Make a tenant and its first key, which has every scope
         * @description Needs: operator
         */
        post: operations["postVTenants"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One tenant
         * @description Needs: manage
         */
        get: operations["getVTenantsTenant"];
        put?: never;
        post?: never;
        /**
         * Delete a tenant and everything of it
         * @description Needs: manage
         */
        delete: operations["deleteVTenantsTenant"];
        options?: never;
        head?: never;
        /**
         * Change name, base or settings; settings are merged, null takes a field back to its default
         * @description Needs: manage
         */
        patch: operations["patchVTenantsTenant"];
        trace?: never;
    };
    "/v1/tenants/{tenant}/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The keys of a tenant, without the keys themselves
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantKeys"];
        put?: never;
        /**
         * Make a key; it is shown this once
         * @description Needs: manage
         */
        post: operations["postVTenantsTenantKeys"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a key
         * @description Needs: manage
         */
        delete: operations["deleteVTenantsTenantKeysId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who did what, newest first
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All items, without embeddings
         * @description Needs: ingest
         */
        get: operations["getVTenantsTenantItems"];
        put?: never;
        /**
         * Add or replace items; a bad one is refused by itself
         * @description Needs: ingest
         */
        post: operations["postVTenantsTenantItems"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/items/{itemId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One item
         * @description Needs: ingest
         */
        get: operations["getVTenantsTenantItemsItemId"];
        put?: never;
        post?: never;
        /**
         * Delete an item
         * @description Needs: ingest
         */
        delete: operations["deleteVTenantsTenantItemsItemId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages from Kafka that could not be used and wait for a word, newest first; at most 50,000 of 30 days
         * @description Needs: operator
         */
        get: operations["getVDeadLetters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One of them, with its value and headers
         * @description Needs: operator
         */
        get: operations["getVDeadLettersId"];
        put?: never;
        post?: never;
        /**
         * Let it wait no longer; the topic keeps it as long as it keeps all
         * @description Needs: operator
         */
        delete: operations["deleteVDeadLettersId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send it round again; it comes back where it still can not be used
         * @description Needs: operator
         */
        post: operations["postVDeadLettersIdReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send all of a choice round again, those first that wait longest
         * @description Needs: operator
         */
        post: operations["postVDeadLettersReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/drop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * As that, for all of a choice
         * @description Needs: operator
         */
        post: operations["postVDeadLettersDrop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Users, those first who did something last; or those whose ids begin with a prefix
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantUsers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/users/{userId}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a user did, newest first, with what the catalogue says of the items
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantUsersUserIdHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/events/counts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many events came, by when they came and by type
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantEventsCounts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tell what users did; a bad event is refused by itself, one that is known already changes nothing
         * @description Needs: ingest
         */
        post: operations["postVTenantsTenantEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/users/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove every row of a user; the erasure's page proves it
         * @description Needs: manage
         */
        delete: operations["deleteVTenantsTenantUsersUserId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/erasures/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What an erasure removed, and the first model version trained without the user
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantErasuresId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/users/{userId}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything that is kept of a user, one JSON object a line
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantUsersUserIdExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/users/{userId}/merge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Join an anonymous visitor to an account: everything of the one becomes the other’s
         * @description Needs: manage
         */
        post: operations["postVTenantsTenantUsersUserIdMerge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/freshness": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How soon events count and items can be recommended, while recommendations are asked for
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantFreshness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/drift": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How far events, catalogue and scores have drifted from the training window of the version that is served
         * @description Needs: train
         */
        get: operations["getVTenantsTenantDrift"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/model-versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Model versions, newest first
         * @description Needs: train
         */
        get: operations["getVTenantsTenantModelVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/model-versions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One version: lineage, recipe, curves, metrics beside the others, and why the gate decided as it did
         * @description Needs: train
         */
        get: operations["getVTenantsTenantModelVersionsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/model-versions/{id}/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Serve this version; one that the gate rejected is recorded as forced
         * @description Needs: train
         */
        post: operations["postVTenantsTenantModelVersionsIdPromote"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/model-versions/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Back to what was served before the current version, or to the base; 409 where the base is served already
         * @description Needs: train
         */
        post: operations["postVTenantsTenantModelVersionsRollback"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/metrics/online": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Impressions, clicks, conversions and their rates, by version, scenario and position
         * @description Needs: train
         */
        get: operations["getVTenantsTenantMetricsOnline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/experiments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Experiments, newest first, without their figures
         * @description Needs: train
         */
        get: operations["getVTenantsTenantExperiments"];
        put?: never;
        /**
         * Serve users by arms, each user always by the same, and compare what comes of it
         * @description Needs: train
         */
        post: operations["postVTenantsTenantExperiments"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/experiments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One experiment: rates by arm, whether users were split as meant, and the verdict
         * @description Needs: train
         */
        get: operations["getVTenantsTenantExperimentsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/experiments/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End an experiment, with a winner for everybody or without
         * @description Needs: train
         */
        post: operations["postVTenantsTenantExperimentsIdStop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/model-versions/{id}/recommendations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a version would recommend, promoted or not, and because of what; 'base' for the untuned base. Counts as no impression
         * @description Needs: train
         */
        post: operations["postVTenantsTenantModelVersionsIdRecommendations"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/recommendations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Items for a user, for a history, or for anybody
         * @description Needs: recommend
         */
        post: operations["postVTenantsTenantRecommendations"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/users/{userId}/recommendations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Items for a user: the plain case
         * @description Needs: recommend
         */
        get: operations["getVTenantsTenantUsersUserIdRecommendations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/rankings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Put given items in order for a user or a history
         * @description Needs: recommend
         */
        post: operations["postVTenantsTenantRankings"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/items/{itemId}/similar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * More like this item
         * @description Needs: recommend
         */
        get: operations["getVTenantsTenantItemsItemIdSimilar"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/trending": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is wanted now
         * @description Needs: recommend
         */
        get: operations["getVTenantsTenantTrending"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/scenarios/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A named placement
         * @description Needs: recommend
         */
        get: operations["getVTenantsTenantScenariosName"];
        /**
         * Make or replace a named placement with its defaults
         * @description Needs: recommend
         */
        put: operations["putVTenantsTenantScenariosName"];
        post?: never;
        /**
         * Remove a named placement
         * @description Needs: recommend
         */
        delete: operations["deleteVTenantsTenantScenariosName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/training-runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Training runs, newest first
         * @description Needs: train
         */
        get: operations["getVTenantsTenantTrainingRuns"];
        put?: never;
        /**
         * Train a new version from the base or the active one; 200 with state `skipped` where nothing is new
         * @description Needs: train
         */
        post: operations["postVTenantsTenantTrainingRuns"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/training-runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One training run
         * @description Needs: train
         */
        get: operations["getVTenantsTenantTrainingRunsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/training-runs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Server-sent events of a run: attempt, estimate, state, progress, epoch, quality, metrics, and `end` when it has ended
         * @description Needs: train
         */
        get: operations["getVTenantsTenantTrainingRunsIdEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/training-runs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End a run; one that has ended stays as it is
         * @description Needs: train
         */
        post: operations["postVTenantsTenantTrainingRunsIdCancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/console/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is signed in, what he may do, and the token for what writes
         * @description Needs: any key
         */
        get: operations["getConsoleSession"];
        put?: never;
        /** Exchange a key for the cookie of a session, which only the browser can read */
        post: operations["postConsoleSession"];
        /**
         * End the session
         * @description Needs: any key
         */
        delete: operations["deleteConsoleSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process works; restart it where not */
        get: operations["getHealthLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether requests may be sent here: the database answers, Kafka is consumed, models are warm */
        get: operations["getHealthReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prometheus metrics */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All tenants at a glance, those first that need a person most, then by name
         * @description Needs: operator
         */
        get: operations["getVOverview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One tenant at a glance, and what of it needs a person
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantOverview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/quotas": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the quotas are, how near to them the tenant is, and what they refused lately
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantQuotas"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenants/{tenant}/readiness": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is there, what is served, and what a training lacks
         * @description Needs: manage
         */
        get: operations["getVTenantsTenantReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Item: {
            itemId: string;
            title?: string;
            description?: string;
            categories?: string[];
            attributes?: {
                [key: string]: string | number | boolean | string[];
            };
            embedding?: number[];
            url?: string;
            imageUrl?: string;
            price?: number;
            /** @default true */
            available?: boolean;
            /** Format: date-time */
            publishedAt?: string;
            /** Format: date-time */
            expiresAt?: string;
        };
        Event: {
            eventId?: string;
            userId: string;
            itemId: string;
            type: string;
            /** @description What its type means by it: a rating, the portion read between 0 and 1, a price. The setting eventTypes says from where on one is low or high. */
            value?: number;
            /** Format: date-time */
            occurredAt?: string;
            sessionId?: string;
            recommendationId?: string;
            properties?: {
                [key: string]: unknown;
            };
        };
        ExperimentInput: {
            name: string;
            /** @description Takes the requests that name it. Without it, the experiment takes every request that no experiment of its own scenario takes. */
            scenario?: string;
            arms: {
                name: string;
                /** @description Served by this version, `base` for none; without it, by whichever is promoted. */
                modelVersion?: string;
                /** @description With the defaults of this scenario in place of the experiment’s own. */
                scenario?: string;
                /** @description Of the users; the shares of all arms add up to 1. */
                share: number;
            }[];
            /**
             * @description What arms are compared by: clicks or conversions an impression, or, where arms answer with lists of different lengths, a user.
             * @enum {string}
             */
            metric: "clicks" | "conversions" | "clicks-per-user" | "conversions-per-user";
            /**
             * @description A difference of less than this share of the rate is none: 0.05 is 5 %.
             * @default 0.05
             */
            minEffect?: number;
            /**
             * @description No verdict before so many days: weekdays and weekends differ.
             * @default 7
             */
            minDays?: number;
        };
        RecommendationRequest: {
            count?: number;
            filter?: components["schemas"]["Filter"];
            boost?: {
                filter: components["schemas"]["Filter"];
                weight: number;
            }[];
            excludeItemIds?: string[];
            /** @description true hides every item of the history, false none; without it the event types of the setting hideAfter decide, and items of `history` without a type are hidden. */
            excludeSeen?: boolean;
            /** @description 0 ranks by score alone, 1 takes what is least like the items before it. */
            diversity?: number;
            /** @description 0 leaves the rank score as it is, 1 ranks by age alone: score^(1-freshness) · recency^freshness. */
            freshness?: number;
            explain?: boolean;
            /** @description Fields of the item to send along; true: all. */
            returnProperties?: boolean | ("title" | "description" | "categories" | "attributes" | "url" | "imageUrl" | "price" | "available" | "publishedAt" | "expiresAt")[];
            userId?: string;
            /** @description Without `userId` and `history`, the events that carry this `sessionId` are the history. */
            sessionId?: string;
            /** @description Of a visitor without an account; used for this answer only. */
            history?: (string | {
                itemId: string;
                type?: string;
                value?: number;
                /** Format: date-time */
                occurredAt?: string;
            })[];
            scenario?: string;
        };
        /**
         * @description Fields (itemId, title, categories, price, available, publishedAt, expiresAt, attributes.<name>) to conditions of the operators eq, ne, exists, any, in, all, none, gt, gte, lt, lte; and "and", "or" (lists of filters) and "not" (a filter). All keys of one object have to hold. A list (categories, some attributes) equals what it contains. Types are compared strictly. Where an item lacks the field, or has an empty list, only exists:false, ne and none hold.
         * @example {
         *       "categories": {
         *         "any": [
         *           "shoes"
         *         ]
         *       },
         *       "price": {
         *         "gte": 10,
         *         "lt": 50
         *       },
         *       "not": {
         *         "attributes.brand": {
         *           "eq": "Acme"
         *         }
         *       }
         *     }
         */
        Filter: {
            and?: components["schemas"]["Filter"][];
            or?: components["schemas"]["Filter"][];
            not?: components["schemas"]["Filter"];
        } & {
            [key: string]: {
                eq?: string | number | boolean;
                ne?: string | number | boolean;
                any?: (string | number | boolean)[];
                in?: (string | number | boolean)[];
                all?: (string | number | boolean)[];
                none?: (string | number | boolean)[];
                gt?: string | number;
                gte?: string | number;
                lt?: string | number;
                lte?: string | number;
                exists?: boolean;
            };
        };
        RankingRequest: {
            userId?: string;
            /** @description Without `userId` and `history`, the events that carry this `sessionId` are the history. */
            sessionId?: string;
            history?: (string | {
                itemId: string;
                type?: string;
                value?: number;
                /** Format: date-time */
                occurredAt?: string;
            })[];
            itemIds: string[];
            explain?: boolean;
        };
        RecommendationOptions: {
            count?: number;
            filter?: components["schemas"]["Filter"];
            boost?: {
                filter: components["schemas"]["Filter"];
                weight: number;
            }[];
            excludeItemIds?: string[];
            /** @description true hides every item of the history, false none; without it the event types of the setting hideAfter decide, and items of `history` without a type are hidden. */
            excludeSeen?: boolean;
            /** @description 0 ranks by score alone, 1 takes what is least like the items before it. */
            diversity?: number;
            /** @description 0 leaves the rank score as it is, 1 ranks by age alone: score^(1-freshness) · recency^freshness. */
            freshness?: number;
            explain?: boolean;
            /** @description Fields of the item to send along; true: all. */
            returnProperties?: boolean | ("title" | "description" | "categories" | "attributes" | "url" | "imageUrl" | "price" | "available" | "publishedAt" | "expiresAt")[];
        };
        Tenant: {
            id: string;
            name: string;
            baseModel: string;
            settings: components["schemas"]["Settings"];
            embeddingLength: number | null;
            /** Format: date-time */
            createdAt: string;
        };
        Settings: {
            /**
             * @description What an event of each type says. One of a type that is not named here counts as positive, with a weight of 0.5.
             * @default {
             *       "purchase": {
             *         "weight": 1,
             *         "meaning": "positive"
             *       },
             *       "read": {
             *         "weight": 1,
             *         "meaning": "positive",
             *         "value": {
             *           "lowBelow": 0.1
             *         }
             *       },
             *       "rating": {
             *         "weight": 1,
             *         "meaning": "positive"
             *       },
             *       "like": {
             *         "weight": 1,
             *         "meaning": "positive"
             *       },
             *       "cart": {
             *         "weight": 0.7,
             *         "meaning": "positive"
             *       },
             *       "view": {
             *         "weight": 0.3,
             *         "meaning": "positive"
             *       },
             *       "impression": {
             *         "weight": 0,
             *         "meaning": "neutral"
             *       },
             *       "remove": {
             *         "weight": 0.5,
             *         "meaning": "negative"
             *       },
             *       "dislike": {
             *         "weight": 1,
             *         "meaning": "negative"
             *       }
             *     }
             */
            eventTypes: {
                [key: string]: {
                    /** @description How much one event of this type says, beside one of weight 1. */
                    weight: number;
                    /**
                     * @description positive: what the recommender counts and tries to predict; neutral: the same by its weight, 0 keeps it on record only; negative: never predicted, counted or taken for a wish.
                     * @enum {string}
                     */
                    meaning: "positive" | "neutral" | "negative";
                    value?: components["schemas"]["ValueReading"];
                };
            };
            /**
             * @description An item that a user had an event of such a type with, whatever its value, is not recommended to that user again.
             * @default [
             *       "purchase",
             *       "read",
             *       "rating",
             *       "dislike"
             *     ]
             */
            hideAfter: string[];
            training: {
                /**
                 * @description When to look whether a training is due: a cron expression in UTC. Null: only on request; in a PATCH, where null takes a field back to its default, "never" says so.
                 * @default 0 3 * * *
                 */
                schedule: string | null;
                /**
                 * @description Fewer new events than this since the last training are no reason for another one.
                 * @default 1000
                 */
                minNewEvents: number;
                /**
                 * @description So long after the last run the schedule starts none.
                 * @default 60
                 */
                minIntervalMinutes: number;
                /**
                 * @description How far back from the newest event a run reads.
                 * @default 730
                 */
                historyDays: number;
                /**
                 * @description Serve a version that passed the gate at once; otherwise it waits for `promote`.
                 * @default true
                 */
                autoPromote: boolean;
                /**
                 * @description Train beside the schedule too, once events, catalogue or scores have drifted as far from the training window of the version that is served: at most once in 7 days, and as `minNewEvents` and `minIntervalMinutes` say.
                 * @default never
                 * @enum {string}
                 */
                onDrift: "never" | "moderate" | "strong";
                /**
                 * @description Rolls a freshly promoted version back, once, when its rate an impression falls significantly below that of the users who stayed with the old version. `{}` switches it on; null: off.
                 * @default null
                 */
                guard: {
                    /**
                     * @default clicks
                     * @enum {string}
                     */
                    metric: "clicks" | "conversions";
                    /**
                     * @description The share of users who stay with what was served before, to be compared with.
                     * @default 0.1
                     */
                    holdback: number;
                    /**
                     * @description For how long after a promotion.
                     * @default 7
                     */
                    days: number;
                    /**
                     * @description What is tolerated: 0.1 rolls back a version whose rate is significantly below nine tenths of the old one’s.
                     * @default 0
                     */
                    maxDrop: number;
                } | null;
                /**
                 * @description Parts that a blend may not have: network (the sequence model; none is trained then), text (how near the texts are), lexical (words in common), wide and narrow (what goes with or follows what), popular, recent (popular lately), fresh (new items), again (what the user had before). From the next training on, and at once where the base is served.
                 * @default []
                 */
                without: ("network" | "text" | "lexical" | "wide" | "narrow" | "popular" | "recent" | "fresh" | "again")[];
            };
            /**
             * @description Events and recommendations older than this are deleted. Null: all are kept.
             * @default null
             */
            retentionDays: number | null;
            /** @description What is past them is refused with 429 and a time to come back. */
            quotas: {
                /** @default 20000 */
                eventsPerSecond: number;
                /** @default 1000000 */
                items: number;
                /** @default 1000 */
                requestsPerSecond: number;
                /**
                 * @description Past so many within a day none is started on request; those of the schedule and of drift have rules of their own.
                 * @default 100
                 */
                trainingRunsPerDay: number;
            };
            /**
             * @description served: an answer counts as an impression of each of its items; explicit: only events of type `impression` that carry its `recommendationId` do. For the answers that are made from then on.
             * @default served
             * @enum {string}
             */
            impressions: "served" | "explicit";
            /** @description How events that carry a `recommendationId` are counted for the answer: each item of it at most once as a click and once as a conversion. */
            attribution: {
                /**
                 * @description For how long after an answer an event that carries its `recommendationId` is attributed to it. Figures of answers younger than this still grow.
                 * @default 24
                 */
                windowHours: number;
                /**
                 * @description Types of events that are conversions. Events with a negative meaning, by type or value, never are.
                 * @default [
                 *       "purchase"
                 *     ]
                 */
                conversions: string[];
                /**
                 * @description Types of events that are clicks. null: every type of positive meaning that is no conversion (view, read, cart, like, and those that no setting names). Events with a negative meaning, by type or value, never are.
                 * @default null
                 */
                clicks: string[] | null;
            };
        };
        /** @description How the value of an event decides what it says. An event without a value, or with one in between, says what its type says. */
        ValueReading: {
            /** @description An event of a lower value counts for nothing and is never predicted, as if its type were negative. */
            lowBelow?: number;
            /** @description An event of this value or a higher one counts twice. */
            highFrom?: number;
        };
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            code: string;
            errors?: {
                path: string;
                message: string;
            }[];
            requestId: string;
        };
        ApiKey: {
            id: string;
            name: string;
            scopes: ("ingest" | "recommend" | "train" | "manage")[];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: ((string | null) | null) | string | null;
        };
        ItemView: {
            itemId: string;
            title?: string;
            description?: string;
            categories?: string[];
            attributes?: {
                [key: string]: string | number | boolean | string[];
            };
            embedding?: number[];
            url?: string;
            imageUrl?: string;
            price?: number;
            available: boolean;
            /** Format: date-time */
            publishedAt?: string;
            /** Format: date-time */
            expiresAt?: string;
        };
        DeadLetter: {
            /** @description Of the message, by where it was first met: the same however often it goes round */
            id: string;
            /** @description Why it can not be used; stable */
            code: string;
            reason: string;
            /** @description As the message says; null: it names none */
            tenant: string | null;
            topic: string;
            partition: number;
            offset: string;
            key: string | null;
            /** Format: date-time */
            sentAt: ((string | null) | null) | string | null;
            /**
             * Format: date-time
             * @description Last
             */
            failedAt: string;
            /**
             * Format: date-time
             * @description What its 30 days are counted from
             */
            firstFailedAt: string;
            attempts: number;
            /** @description Of its value */
            bytes: number;
            /** @description Whether all of it is kept here: what is too large, and what the oldest hold where all is too much, is in the topic only */
            replayable: boolean;
        };
        OpenedDeadLetter: {
            /** @description Of the message, by where it was first met: the same however often it goes round */
            id: string;
            /** @description Why it can not be used; stable */
            code: string;
            reason: string;
            /** @description As the message says; null: it names none */
            tenant: string | null;
            topic: string;
            partition: number;
            offset: string;
            key: string | null;
            /** Format: date-time */
            sentAt: ((string | null) | null) | string | null;
            /**
             * Format: date-time
             * @description Last
             */
            failedAt: string;
            /**
             * Format: date-time
             * @description What its 30 days are counted from
             */
            firstFailedAt: string;
            attempts: number;
            /** @description Of its value */
            bytes: number;
            /** @description Whether all of it is kept here: what is too large, and what the oldest hold where all is too much, is in the topic only */
            replayable: boolean;
            /** @description Null: there was none, or it is not kept here */
            value: string | null;
            /**
             * @description Of the value: what is no UTF-8 is given as base64
             * @enum {string}
             */
            encoding: "utf8" | "base64";
            headers: {
                [key: string]: string;
            };
        };
        ActiveUser: {
            userId: string;
            /** Format: date-time */
            lastEventAt: string;
            lastType: string;
            lastItemId: string;
        };
        EventCounts: {
            /** @enum {string} */
            by: "minute" | "hour" | "day";
            /** Format: date-time */
            from: string;
            /** Format: date-time */
            to: string;
            /**
             * Format: date-time
             * @description Counts by this grain go no further back: what is older was deleted
             */
            keptSince: string;
            /** @description What came within the last seconds may be missing yet; a process that is killed loses that much for good */
            delaySeconds: number;
            data: {
                /**
                 * Format: date-time
                 * @description Where the grain begins; those without an event are missing
                 */
                at: string;
                /** @description '*': what was refused without a type, and types past the hundredth of a day */
                type: string;
                accepted: number;
                duplicates: number;
                rejected: number;
            }[];
        };
        Erasure: {
            id: string;
            state: string;
            /** Format: date-time */
            requestedAt: string;
            finishedAt: string | null;
            removed: {
                [key: string]: number;
            };
            /** @description From when on no instance that reaches the database has the user in memory: 60 s after finishedAt, null before that. A live model that counted the user is built anew at once, and dropped where that takes longer. */
            cachesDroppedAt: string | null;
            firstModelVersionWithout: string | null;
        };
        Freshness: {
            measured: number;
            promisedSeconds: number;
            /** @description The share that was there as soon as is promised; null: nothing was measured */
            withinPromise: number | null;
            p50: number | null;
            p95: number | null;
            /** @description Seconds; 300 stands for that and more */
            p99: number | null;
        };
        ModelVersionSummary: {
            id: string;
            runId: string | null;
            /** @description Fine-tuned from this version; null: from the base */
            parentId: string | null;
            baseModel: string;
            /** Format: date-time */
            createdAt: string;
            serving: boolean;
            /**
             * @description The gate's, when the version was made
             * @enum {string}
             */
            decision: "passed" | "rejected";
            reason: string;
            sizeBytes: number;
            dataWindow: unknown;
            counts: unknown;
            metrics: unknown;
            /** @description Whose figures in `metrics` are its own: `from-scratch` where it serves its twin, which did better than what was fine-tuned. Null where `metrics` is */
            judgedAs: ("candidate" | "from-scratch") | null;
        };
        ModelVersion: {
            id: string;
            runId: string | null;
            /** @description Fine-tuned from this version; null: from the base */
            parentId: string | null;
            baseModel: string;
            /** Format: date-time */
            createdAt: string;
            serving: boolean;
            /**
             * @description The gate's, when the version was made
             * @enum {string}
             */
            decision: "passed" | "rejected";
            reason: string;
            sizeBytes: number;
            dataWindow: unknown;
            counts: unknown;
            metrics: unknown;
            /** @description Whose figures in `metrics` are its own: `from-scratch` where it serves its twin, which did better than what was fine-tuned. Null where `metrics` is */
            judgedAs: ("candidate" | "from-scratch") | null;
            gate: unknown;
            report: components["schemas"]["VersionReport"];
            /** @description What happened to it, newest first; restored: served again because a later version was rolled back */
            history: {
                /** Format: date-time */
                at: string;
                /** @enum {string} */
                event: "promoted" | "rolled-back" | "restored";
                /** @enum {string} */
                kind: "automatic" | "manual" | "forced" | "rollback";
                actor: string;
                reason: string | null;
            }[];
        };
        VersionReport: {
            engine?: string;
            engineReasons?: {
                [key: string]: string;
            };
            seed?: number;
            seconds?: number;
            peakMemoryBytes?: number;
            dataWindow?: {
                from: string;
                validationFrom: string;
                testFrom: string;
                to: string;
            } & {
                [key: string]: unknown;
            };
            counts?: {
                events: number;
                users: number;
                items: number;
            } & {
                [key: string]: unknown;
            };
            metrics?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            gate?: {
                /** @enum {string} */
                decision: "passed" | "rejected";
                reason: string;
                checks: {
                    [key: string]: unknown;
                }[];
            } & {
                [key: string]: unknown;
            };
            recipe?: {
                [key: string]: unknown;
            };
            curves?: {
                candidate?: {
                    epochs: ({
                        epoch: number;
                        trainLoss: number | null;
                        validationLoss: number | null;
                        gap: number | null;
                        trainNdcg?: number | null;
                        validationNdcg: number | null;
                        ndcgGap?: number | null;
                    } & {
                        [key: string]: unknown;
                    })[];
                    bestEpoch: number;
                    steps: number;
                    tokensPerSecond: number;
                } & {
                    [key: string]: unknown;
                };
                "from-scratch"?: {
                    epochs: ({
                        epoch: number;
                        trainLoss: number | null;
                        validationLoss: number | null;
                        gap: number | null;
                        trainNdcg?: number | null;
                        validationNdcg: number | null;
                        ndcgGap?: number | null;
                    } & {
                        [key: string]: unknown;
                    })[];
                    bestEpoch: number;
                    steps: number;
                    tokensPerSecond: number;
                } & {
                    [key: string]: unknown;
                };
            } & {
                [key: string]: unknown;
            };
            overfitting?: {
                [key: string]: unknown;
            };
            forgetting?: {
                [key: string]: unknown;
            };
            calibration?: string;
            blend?: {
                [key: string]: unknown;
            };
            quality?: {
                [key: string]: unknown;
            };
            baseline?: {
                readAt: string;
                snapshot: string;
                days: number;
                eventTypes: {
                    [key: string]: number;
                };
                items: number;
            } & {
                [key: string]: unknown;
            };
            settings?: {
                [key: string]: unknown;
            };
        } & {
            [key: string]: unknown;
        };
        /** @description What came of answers. Everything is counted in the hour of its answer: the figures of answers that are younger than the attribution window still grow. */
        OnlineMetrics: {
            /** Format: date-time */
            from: string;
            /**
             * Format: date-time
             * @description The end of the last hour
             */
            to: string;
            total: {
                impressions: number;
                /** @description Items that were clicked, each once an answer */
                clicks: number;
                conversions: number;
                clickRate: components["schemas"]["Rate"];
                conversionRate: components["schemas"]["Rate"];
            };
            versions: {
                modelVersion: string;
                impressions: number;
                /** @description Items that were clicked, each once an answer */
                clicks: number;
                conversions: number;
                clickRate: components["schemas"]["Rate"];
                conversionRate: components["schemas"]["Rate"];
            }[];
            scenarios: {
                scenario: string | null;
                impressions: number;
                /** @description Items that were clicked, each once an answer */
                clicks: number;
                conversions: number;
                clickRate: components["schemas"]["Rate"];
                conversionRate: components["schemas"]["Rate"];
            }[];
            data: {
                modelVersion: string;
                scenario: string | null;
                /** @enum {string} */
                kind: "recommendations" | "rankings" | "similar" | "trending";
                impressions: number;
                /** @description Items that were clicked, each once an answer */
                clicks: number;
                conversions: number;
                clickRate: components["schemas"]["Rate"];
                conversionRate: components["schemas"]["Rate"];
                /** @description By place in the list, 1 at its top; further down places are taken together */
                positions: {
                    from: number;
                    to: number;
                    impressions: number;
                    /** @description Items that were clicked, each once an answer */
                    clicks: number;
                    conversions: number;
                    clickRate: components["schemas"]["Rate"];
                    conversionRate: components["schemas"]["Rate"];
                }[];
            }[];
            series?: {
                /** Format: date-time */
                at: string;
                modelVersion: string;
                impressions: number;
                clicks: number;
                conversions: number;
            }[];
        };
        /** @description With the interval in which it lies with 95 % certainty. Users are independent, not their impressions: the interval is as wide as the spread between users makes it. Null where nobody, or too few users, were counted to say. */
        Rate: {
            value: number | null;
            low: number | null;
            high: number | null;
        };
        Experiment: {
            id: string;
            /**
             * @description guard: made by the setting `training.guard` after a promotion
             * @enum {string}
             */
            kind: "experiment" | "guard";
            name: string;
            scenario: string | null;
            /** @enum {string} */
            metric: "clicks" | "conversions" | "clicks-per-user" | "conversions-per-user";
            minEffect: number;
            minDays: number;
            /** @enum {string} */
            state: "running" | "stopped";
            seed: string;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            stoppedAt: ((string | null) | null) | string | null;
            winner: string | null;
            endReason: string | null;
            arms: {
                name: string;
                modelVersion: string | null;
                scenario: string | null;
                share: number;
                users: number;
                impressions: number;
                clicks: number;
                conversions: number;
                /** @description Of the metric, with its interval for this one look */
                rate: components["schemas"]["Rate"];
            }[];
            /** @description Whether the numbers of users fit the shares (chi-square; p below 0.001 alarms) */
            sampleRatio: {
                pValue: number;
                alarm: boolean;
            };
            /** @description Each arm against the first, as shares of its rate: always valid, however often one looks (mixture sequential probability ratio test) */
            comparisons: {
                arm: string;
                against: string;
                lift: number | null;
                low: number | null;
                high: number | null;
                pValue: number;
            }[];
            /** @description `too-early`, `no-difference`, or the name of the winning arm */
            verdict: string;
            reason: string;
        };
        ExperimentSummary: {
            id: string;
            /**
             * @description guard: made by the setting `training.guard` after a promotion
             * @enum {string}
             */
            kind: "experiment" | "guard";
            name: string;
            scenario: string | null;
            /** @enum {string} */
            metric: "clicks" | "conversions" | "clicks-per-user" | "conversions-per-user";
            minEffect: number;
            minDays: number;
            /** @enum {string} */
            state: "running" | "stopped";
            seed: string;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            stoppedAt: ((string | null) | null) | string | null;
            winner: string | null;
            endReason: string | null;
            arms: {
                name: string;
                modelVersion: string | null;
                scenario: string | null;
                share: number;
            }[];
        };
        Inspection: {
            /** @description A model version's id, or 'base' before any is promoted. */
            modelVersion: string;
            /** @enum {string} */
            source: "fine-tuned" | "base" | "trending" | "popular";
            items: components["schemas"]["Recommendation"][];
        };
        Recommendation: {
            itemId: string;
            score: number;
            /** @enum {string} */
            source: "fine-tuned" | "base" | "trending" | "popular";
            reason?: {
                because: {
                    itemId: string;
                    weight: number;
                }[];
            };
            properties?: {
                title?: string | null;
                description?: string | null;
                categories?: string[];
                attributes?: {
                    [key: string]: string | number | boolean | string[];
                };
                url?: string | null;
                imageUrl?: string | null;
                price?: number | null;
                available?: boolean;
                /** Format: date-time */
                publishedAt?: ((string | null) | null) | string | null;
                /** Format: date-time */
                expiresAt?: ((string | null) | null) | string | null;
            };
        };
        Recommendations: {
            recommendationId: string;
            /** @description A model version's id, or 'base' before any is promoted. */
            modelVersion: string;
            /** @enum {string} */
            source: "fine-tuned" | "base" | "trending" | "popular";
            items: components["schemas"]["Recommendation"][];
            /** @description The experiment that the answer counts for. Absent where it is in none, or could not be served as its arm says. */
            experiment?: {
                id: string;
                arm: string;
            };
        };
        Ranking: {
            recommendationId: string;
            /** @description A model version's id, or 'base' before any is promoted. */
            modelVersion: string;
            /** @enum {string} */
            source: "fine-tuned" | "base" | "trending" | "popular";
            items: components["schemas"]["Recommendation"][];
            /** @description The experiment that the answer counts for. Absent where it is in none, or could not be served as its arm says. */
            experiment?: {
                id: string;
                arm: string;
            };
            /** @description Asked for, but not in the catalogue. */
            unknownItemIds: string[];
        };
        Scenario: {
            name: string;
            defaults: components["schemas"]["RecommendationOptions"];
            /** Format: date-time */
            updatedAt: string;
        };
        TrainingRun: {
            id: string;
            /**
             * @description `promoted`: its version is served. `rejected`: the gate said no; the version is kept. `skipped`: what is served was left as it is, see `outcome`.
             * @enum {string}
             */
            state: "queued" | "preparing" | "training" | "evaluating" | "promoted" | "rejected" | "skipped" | "failed" | "cancelled";
            /** @description `awaiting-promotion`: the version passed the gate, and the tenant promotes by hand (`autoPromote: false`); such a run ends as `skipped`. */
            outcome: ("promoted" | "awaiting-promotion" | "rejected" | "nothing-new" | "cancelled" | "failed") | null;
            detail: string | null;
            /** @enum {string} */
            from: "base" | "active";
            reason: string | null;
            requestedBy: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            startedAt: ((string | null) | null) | string | null;
            /** Format: date-time */
            finishedAt: ((string | null) | null) | string | null;
            attempt: number;
            cancelRequested: boolean;
            progress: number | null;
            epoch: number | null;
            step: number | null;
            tokensPerSecond: number | null;
            /** @description With all epochs; less where it stops early */
            etaSeconds: number | null;
            loss: number | null;
            /** @description Best NDCG@10 on the validation window so far */
            validation: number | null;
            engine: string | null;
            /** @description Why each better engine was not used */
            engineReasons: {
                [key: string]: string;
            } | null;
            /** @description Made by the trainer before it starts the run */
            estimate: components["schemas"]["TrainingEstimate"] | null;
            /** @description Events read, dropped and why */
            quality: {
                [key: string]: unknown;
            } | null;
            error: {
                code: string;
                message: string;
            } | null;
            modelVersion: string | null;
            /**
             * Format: date-time
             * @description When its version was first served, by the decision of the gate or, later, by hand; null where it never was
             */
            servedAt: ((string | null) | null) | string | null;
        };
        TrainingEstimate: {
            /** @description From the start to the end, without waiting in the queue */
            seconds: number;
            /** @description At the peak, in the training process and for it */
            memoryBytes: number;
            engine: string;
            /** @description What it was reckoned from, in words */
            basis: string;
        };
        ConsoleSession: {
            /** @enum {string} */
            kind: "operator" | "tenant";
            /** @description The only one that may be seen; null: all */
            tenant: string | null;
            /** @description The operator has all */
            scopes: ("ingest" | "recommend" | "train" | "manage")[];
            /** @description To be sent as X-CSRF-Token with everything that writes */
            csrfToken: string;
            /**
             * Format: date-time
             * @description At the latest
             */
            expiresAt: string;
            /** @description Unused for so long, it ends */
            idleSeconds: number;
        };
        TenantOverview: {
            id: string;
            name: string;
            /** Format: date-time */
            createdAt: string;
            /** @description New ones, over the last five whole minutes */
            eventsPerMinute: number;
            eventsLastDay: number;
            /**
             * Format: date-time
             * @description To the minute, or longer ago to the hour or day
             */
            lastEventAt: ((string | null) | null) | string | null;
            /** @enum {string} */
            serving: "fine-tuned" | "base" | "popular";
            /** @description Null: the base */
            modelVersion: string | null;
            /** @description NDCG@10 of the version that is served, and of the untuned base and of popularity on the same users; null while the base is served */
            quality: {
                ndcg: components["schemas"]["Figure"];
                base: components["schemas"]["Figure"] | null;
                popular: components["schemas"]["Figure"] | null;
            } | null;
            lastRun: {
                id: string;
                /** @enum {string} */
                state: "queued" | "preparing" | "training" | "evaluating" | "promoted" | "rejected" | "skipped" | "failed" | "cancelled";
                outcome: ("promoted" | "awaiting-promotion" | "rejected" | "nothing-new" | "cancelled" | "failed") | null;
                reason: string | null;
                detail: string | null;
                progress: number | null;
                error: {
                    code: string;
                    message: string;
                } | null;
                versionId: string | null;
                /** Format: date-time */
                servedAt: ((string | null) | null) | string | null;
                /** Format: date-time */
                createdAt: string;
                /** Format: date-time */
                finishedAt: ((string | null) | null) | string | null;
            } | null;
            /**
             * Format: date-time
             * @description When the schedule looks next; null: only on request
             */
            nextTraining: ((string | null) | null) | string | null;
            /** @description What may need a person, gravest first */
            attention: components["schemas"]["Attention"][];
        };
        /** @description With its 95 % interval */
        Figure: {
            mean: number;
            low: number;
            high: number;
        };
        Attention: {
            /** @enum {string} */
            code: "RUNS_FAILING" | "NO_EVENTS" | "EVENTS_REFUSED" | "REFUSED_VERSION_SERVED" | "VERSIONS_REFUSED" | "RUN_WAITING" | "QUOTA_REACHED" | "KEY_EXPIRING" | "NOT_READY" | "DRIFTED" | "AWAITING_PROMOTION" | "READY_TO_TRAIN";
            /**
             * @description error: users get less than they should; warning: they soon may; notice: somebody could do something
             * @enum {string}
             */
            severity: "error" | "warning" | "notice";
            detail: string;
        };
        QuotaUse: {
            /** @enum {string} */
            quota: "requests" | "events" | "items" | "training runs";
            limit: number;
            /** @description What the limit is of; null: of all there is */
            per: ("second" | "day") | null;
            /** @description Items: how many there are (of a large tenant counted now and then only). Training runs: those of the last day. Requests and events: what is used up at this moment of ten seconds of the rate, to some twentieth of it; past it while a large batch is being paid off. */
            used: number;
            /** @description What `used` may come to: beyond it is refused */
            most: number;
            /** @description Of the last day, and while there was no day without any */
            refused: number;
            /** Format: date-time */
            refusedSince: ((string | null) | null) | string | null;
            /** Format: date-time */
            lastRefusedAt: ((string | null) | null) | string | null;
        };
        Readiness: {
            events: number;
            /** @description Of these, how many are older than `historyDays` before the newest one: no run reads them */
            eventsOutsideHistory: number;
            users: number;
            items: number;
            itemsWithText: number;
            /**
             * Format: date-time
             * @description Of these counts and of the estimate: a large tenant is counted now and then only
             */
            countedAt: string;
            /** @enum {string} */
            serving: "fine-tuned" | "base" | "popular";
            /** @description What a first training lacks; empty: nothing */
            missing: {
                what: string;
                /** @description What it is called, where people read it */
                words: string;
                have: number;
                need: number;
                why: string;
            }[];
            /**
             * Format: date-time
             * @description When the schedule looks next whether a training is due; null: only on request
             */
            nextTraining: ((string | null) | null) | string | null;
            /** @description What a run that is started now would take; null: something is missing, or there is no engine */
            estimate: components["schemas"]["TrainingEstimate"] | null;
        };
    };
    responses: {
        /** @description Malformed */
        Malformed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No key, or a bad one */
        Unauthenticated: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Another tenant, or a scope that the key lacks */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unknown */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description At odds with what there is */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too large */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Over quota; Retry-After says when to come back */
        OverQuota: {
            headers: {
                /** @description Seconds to wait */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not ready; Retry-After says when to come back */
        NotReady: {
            headers: {
                /** @description Seconds to wait */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Understood, but not possible */
        NotPossible: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getVTenants: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Tenant"][];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenants: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    id: string;
                    name?: string;
                    /**
                     * @description What serves before the first training, and what a fit on few users is drawn to: shops, media (recent and fresh items first), or default: that of shops, until a training run finds which one fits by validation users.
                     * @enum {string}
                     */
                    baseModel?: "default" | "shops" | "media";
                    settings?: {
                        [key: string]: unknown;
                    };
                };
            };
        };
        responses: {
            /** @description Done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        tenant: components["schemas"]["Tenant"];
                        apiKey: string;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteVTenantsTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        /** @constant */
                        state: "deleting";
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    patchVTenantsTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name?: string;
                    /**
                     * @description What serves before the first training, and what a fit on few users is drawn to: shops, media (recent and fresh items first), or default: that of shops, until a training run finds which one fits by validation users.
                     * @enum {string}
                     */
                    baseModel?: "default" | "shops" | "media";
                    settings?: {
                        [key: string]: unknown;
                    };
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantKeys: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ApiKey"][];
                        nextCursor: null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantKeys: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    scopes: ("ingest" | "recommend" | "train" | "manage")[];
                    name?: string;
                    /** Format: date-time */
                    expiresAt?: string;
                };
            };
        };
        responses: {
            /** @description Done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        name: string;
                        scopes: ("ingest" | "recommend" | "train" | "manage")[];
                        /** Format: date-time */
                        createdAt: string;
                        /** Format: date-time */
                        expiresAt: ((string | null) | null) | string | null;
                        key: string;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteVTenantsTenantKeysId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantAudit: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: {
                            /** Format: date-time */
                            at: string;
                            actor: string;
                            action: string;
                            target: string;
                            detail: {
                                [key: string]: unknown;
                            };
                        }[];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantItems: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: {
                            itemId: string;
                            title?: string;
                            description?: string;
                            categories?: string[];
                            attributes?: {
                                [key: string]: string | number | boolean | string[];
                            };
                            url?: string;
                            imageUrl?: string;
                            price?: number;
                            available: boolean;
                            /** Format: date-time */
                            publishedAt?: string;
                            /** Format: date-time */
                            expiresAt?: string;
                        }[];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantItems: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    items: (unknown | components["schemas"]["Item"])[];
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        rejected: {
                            index: number;
                            code: string;
                            reason: string;
                        }[];
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantItemsItemId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                itemId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ItemView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteVTenantsTenantItemsItemId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                itemId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVDeadLetters: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
                code?: string;
                /** @description That the message came from */
                topic?: string;
                /** @description As the message says, whether there is one or not */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["DeadLetter"][];
                        nextCursor: string | null;
                        /** @description All that wait, whatever was chosen */
                        byCode: {
                            [key: string]: number;
                        };
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVDeadLettersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedDeadLetter"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteVDeadLettersId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVDeadLettersIdReplay: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        replayed: number;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVDeadLettersReplay: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    code?: string;
                    /** @description That the message came from */
                    topic?: string;
                    /** @description As the message says, whether there is one or not */
                    tenant?: string;
                    /** @default 1000 */
                    limit?: number;
                    /**
                     * Format: date-time
                     * @description As an answer gives it: only those that failed before, so that what comes back goes round once
                     */
                    before?: string;
                };
            };
        };
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        replayed: number;
                        /** @description Of the choice, that can not go round: see `replayable` */
                        kept: number;
                        /** @description The limit was reached: there may be others */
                        more: boolean;
                        /** @description For the next call, where there are others */
                        before: string;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVDeadLettersDrop: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    code?: string;
                    /** @description That the message came from */
                    topic?: string;
                    /** @description As the message says, whether there is one or not */
                    tenant?: string;
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        dropped: number;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantUsers: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
                /** @description The beginning of an id; then in the order of the ids */
                prefix?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ActiveUser"][];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantUsersUserIdHistory: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path: {
                tenant: string;
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        userId: string;
                        data: {
                            itemId: string;
                            type: string;
                            value: number | null;
                            /** Format: date-time */
                            occurredAt: string;
                            /** @description Null: not in the catalogue */
                            item: {
                                title: string | null;
                                imageUrl: string | null;
                                url: string | null;
                                categories: string[];
                                price: number | null;
                                /** @description As the catalogue says; past `expiresAt` it is not, whatever it says */
                                available: boolean;
                                /** Format: date-time */
                                publishedAt: ((string | null) | null) | string | null;
                                /** Format: date-time */
                                expiresAt: ((string | null) | null) | string | null;
                            } | null;
                        }[];
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantEventsCounts: {
        parameters: {
            query?: {
                /** @description From the grain on that holds it; the last 60 minutes, 48 hours or 31 days unless said */
                from?: string;
                /** @description Before this; now unless said */
                to?: string;
                /** @description In UTC */
                by?: "minute" | "hour" | "day";
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventCounts"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["NotPossible"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantEvents: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    events: (unknown | components["schemas"]["Event"])[];
                };
            };
        };
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        duplicates: number;
                        rejected: {
                            index: number;
                            code: string;
                            reason: string;
                        }[];
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteVTenantsTenantUsersUserId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        state: string;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantErasuresId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Erasure"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantUsersUserIdExport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantUsersUserIdMerge: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    into: string;
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        userId: string;
                        moved: {
                            [key: string]: number;
                        };
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantFreshness: {
        parameters: {
            query?: {
                hours?: number;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        hours: number;
                        /** @description From the acceptance of an event until it counts in recommendations */
                        events: components["schemas"]["Freshness"];
                        /** @description From the acceptance of an item until it can be recommended */
                        items: components["schemas"]["Freshness"];
                        /** @description Hours in which something was measured */
                        byHour: {
                            /** Format: date-time */
                            at: string;
                            /** @description From the acceptance of an event until it counts in recommendations */
                            events: components["schemas"]["Freshness"];
                            /** @description From the acceptance of an item until it can be recommended */
                            items: components["schemas"]["Freshness"];
                        }[];
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantDrift: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description Null: the base, which was not trained on the tenant */
                        modelVersion: string | null;
                        /**
                         * Format: date-time
                         * @description When the data of the version were read
                         */
                        readAt: ((string | null) | null) | string | null;
                        /** @description The gravest of the three; null: nothing is known of any */
                        state: ("stable" | "moderate" | "strong") | null;
                        thresholds: {
                            moderate: number;
                            strong: number;
                        };
                        eventMix: {
                            /** @description Null: nothing can be said yet, see `missing` */
                            state: ("stable" | "moderate" | "strong") | null;
                            /** @description Population stability index; of the catalogue the larger share */
                            value: number | null;
                            /** @description What the value reaches once in a thousand times where nothing has moved; what is below is stable */
                            chance: number | null;
                            missing: string | null;
                            /**
                             * Format: date-time
                             * @description What came since counts as now
                             */
                            from: ((string | null) | null) | string | null;
                            /** @description Events of the newest four weeks of the training window */
                            before: number;
                            now: number;
                            /** @description Shares; `*`: all types that the training window did not have */
                            types: {
                                type: string;
                                before: number;
                                now: number;
                            }[];
                        } | null;
                        catalogue: {
                            /** @description Null: nothing can be said yet, see `missing` */
                            state: ("stable" | "moderate" | "strong") | null;
                            /** @description Population stability index; of the catalogue the larger share */
                            value: number | null;
                            /** @description What the value reaches once in a thousand times where nothing has moved; what is below is stable */
                            chance: number | null;
                            missing: string | null;
                            /** @description Items at training */
                            before: number;
                            added: number;
                            gone: number;
                        } | null;
                        scores: {
                            /** @description Null: nothing can be said yet, see `missing` */
                            state: ("stable" | "moderate" | "strong") | null;
                            /** @description Population stability index; of the catalogue the larger share */
                            value: number | null;
                            /** @description What the value reaches once in a thousand times where nothing has moved; what is below is stable */
                            chance: number | null;
                            missing: string | null;
                            /** @description Of the version’s first answers: the model’s score of the first item */
                            before: {
                                /** Format: date-time */
                                from: string;
                                /** Format: date-time */
                                to: string;
                                answers: number;
                                median: number | null;
                                p90: number | null;
                            } | null;
                            /** @description Of its answers of the last week */
                            now: {
                                /** Format: date-time */
                                from: string;
                                /** Format: date-time */
                                to: string;
                                answers: number;
                                median: number | null;
                                p90: number | null;
                            } | null;
                        } | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantModelVersions: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
                /** @description true: without what their reports say, so that `dataWindow`, `counts`, `metrics` and `judgedAs` are null */
                brief?: "true" | "false";
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ModelVersionSummary"][];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantModelVersionsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelVersion"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantModelVersionsIdPromote: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelVersion"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantModelVersionsRollback: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description Served now; null: the base */
                        modelVersion: string | null;
                        /** @enum {string} */
                        serving: "fine-tuned" | "base";
                        /** @description Served until now; `base` where that was none */
                        previous: string;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantMetricsOnline: {
        parameters: {
            query?: {
                /** @description From the hour of this moment on (UTC); 7 days before `to` unless said. */
                from?: string;
                /** @description Up to the hour of this moment, that hour included; now unless said. */
                to?: string;
                /** @description Adds `series`: the same by version over time, UTC. */
                by?: "hour" | "day";
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OnlineMetrics"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantExperiments: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ExperimentSummary"][];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantExperiments: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExperimentInput"];
            };
        };
        responses: {
            /** @description Done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Experiment"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            422: components["responses"]["NotPossible"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantExperimentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Experiment"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantExperimentsIdStop: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The arm whose version is promoted, and whose scenario’s defaults become those of the experiment’s scenario. Without it nothing changes but that everybody is served alike again. */
                    winner?: string;
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Experiment"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            422: components["responses"]["NotPossible"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantModelVersionsIdRecommendations: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RecommendationRequest"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Inspection"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            422: components["responses"]["NotPossible"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantRecommendations: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RecommendationRequest"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recommendations"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantUsersUserIdRecommendations: {
        parameters: {
            query?: {
                count?: number;
                scenario?: string;
            };
            header?: never;
            path: {
                tenant: string;
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recommendations"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantRankings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RankingRequest"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ranking"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantItemsItemIdSimilar: {
        parameters: {
            query?: {
                count?: number;
            };
            header?: never;
            path: {
                tenant: string;
                itemId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recommendations"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantTrending: {
        parameters: {
            query?: {
                count?: number;
                /** @description Counts the events of that many hours; without it newer events weigh more, by the half-life of the model. */
                hours?: number;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Recommendations"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantScenariosName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scenario"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    putVTenantsTenantScenariosName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RecommendationOptions"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scenario"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteVTenantsTenantScenariosName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantTrainingRuns: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["TrainingRun"][];
                        nextCursor: string | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantTrainingRuns: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @default active
                     * @enum {string}
                     */
                    from?: "base" | "active";
                    reason?: string;
                    /**
                     * @description Also where nothing is new: no event, item or setting that training goes by
                     * @default false
                     */
                    force?: boolean;
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
            /** @description Done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            422: components["responses"]["NotPossible"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantTrainingRunsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantTrainingRunsIdEvents: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postVTenantsTenantTrainingRunsIdCancel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getConsoleSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConsoleSession"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    postConsoleSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    key: string;
                };
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConsoleSession"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    deleteConsoleSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getHealthLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        status: "live";
                    };
                };
            };
            400: components["responses"]["Malformed"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getHealthReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        status: "ready";
                        checks: {
                            [key: string]: string;
                        };
                        /** @description The tensor engine of training runs here, and whether a better one or a GPU could not be used (the log says why) */
                        training: {
                            engine: string;
                            fallback: boolean;
                        } | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["Malformed"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVOverview: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
                /** @description Only tenants with anything, with nothing, or with this */
                attention?: "any" | "none" | "RUNS_FAILING" | "NO_EVENTS" | "EVENTS_REFUSED" | "REFUSED_VERSION_SERVED" | "VERSIONS_REFUSED" | "RUN_WAITING" | "QUOTA_REACHED" | "KEY_EXPIRING" | "NOT_READY" | "DRIFTED" | "AWAITING_PROMOTION" | "READY_TO_TRAIN";
                /** @description A part of the name or of the id, in any case */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["TenantOverview"][];
                        nextCursor: string | null;
                        /** @description Over all tenants, whatever was asked for */
                        totals: {
                            tenants: number;
                            needAttention: number;
                            eventsPerMinute: number;
                            byCode: {
                                [key: string]: number;
                            };
                        };
                        /** @description Messages that the Kafka consumers of all tenants have not read yet; null: there is no Kafka */
                        consumerLag: {
                            messages: number;
                            /** Format: date-time */
                            measuredAt: string;
                        } | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantOverview: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        name: string;
                        /** Format: date-time */
                        createdAt: string;
                        /** @description New ones, over the last five whole minutes */
                        eventsPerMinute: number;
                        eventsLastDay: number;
                        /**
                         * Format: date-time
                         * @description To the minute, or longer ago to the hour or day
                         */
                        lastEventAt: ((string | null) | null) | string | null;
                        /** @enum {string} */
                        serving: "fine-tuned" | "base" | "popular";
                        /** @description Null: the base */
                        modelVersion: string | null;
                        /** @description NDCG@10 of the version that is served, and of the untuned base and of popularity on the same users; null while the base is served */
                        quality: {
                            ndcg: components["schemas"]["Figure"];
                            base: components["schemas"]["Figure"] | null;
                            popular: components["schemas"]["Figure"] | null;
                        } | null;
                        lastRun: {
                            id: string;
                            /** @enum {string} */
                            state: "queued" | "preparing" | "training" | "evaluating" | "promoted" | "rejected" | "skipped" | "failed" | "cancelled";
                            outcome: ("promoted" | "awaiting-promotion" | "rejected" | "nothing-new" | "cancelled" | "failed") | null;
                            reason: string | null;
                            detail: string | null;
                            progress: number | null;
                            error: {
                                code: string;
                                message: string;
                            } | null;
                            versionId: string | null;
                            /** Format: date-time */
                            servedAt: ((string | null) | null) | string | null;
                            /** Format: date-time */
                            createdAt: string;
                            /** Format: date-time */
                            finishedAt: ((string | null) | null) | string | null;
                        } | null;
                        /**
                         * Format: date-time
                         * @description When the schedule looks next; null: only on request
                         */
                        nextTraining: ((string | null) | null) | string | null;
                        /** @description What may need a person, gravest first */
                        attention: components["schemas"]["Attention"][];
                        /** @description Messages that the Kafka consumers of all tenants have not read yet; null: there is no Kafka */
                        consumerLag: {
                            messages: number;
                            /** Format: date-time */
                            measuredAt: string;
                        } | null;
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantQuotas: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["QuotaUse"][];
                    };
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
    getVTenantsTenantReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["OverQuota"];
            503: components["responses"]["NotReady"];
        };
    };
}
