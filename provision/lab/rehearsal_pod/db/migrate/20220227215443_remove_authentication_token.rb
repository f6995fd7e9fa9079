# Tokens belong to applications, no longer to users.
class RemoveAuthenticationToken < ActiveRecord::Migration[6.1]
  def change
    remove_column :users, :authentication_token, :string
  end
end
