# A post.
module DiasporaFederation
  module Entities
    class StatusMessage < Entity
      carries :author, :guid, :created_at, :public, :text, :provider_display_name,
              required: %i[author guid created_at public]
    end
  end
end
