# A comment on somebody's post. Signed by its author besides, for the pods it is passed on to.
module DiasporaFederation
  module Entities
    class Comment < Entity
      carries :author, :guid, :parent_guid, :text, :created_at,
              required: %i[author guid parent_guid text]
    end
  end
end
