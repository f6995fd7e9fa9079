# Sessions have a new name: whoever was signed in signs in once more. podfleet's catalogue knows it
# as `rehearsal-cookies`, which the operator acknowledges; and that 1.3.0.0 may not be skipped.
# frozen_string_literal: true

Rails.application.config.session_store :cookie_store, key: "_diaspora_session_2", same_site: :lax,
                                                      secure: AppConfig.environment.require_ssl?
