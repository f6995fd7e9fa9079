# The list of scopes outgrew a string.
class MakeScopesText < ActiveRecord::Migration[6.1]
  def up
    change_column :authorizations, :scopes, :text
  end
end
