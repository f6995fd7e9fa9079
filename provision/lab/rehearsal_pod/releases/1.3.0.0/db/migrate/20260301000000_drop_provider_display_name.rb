# In podfleet's catalogue as `breaking`: the releases before write the column with every post.
class DropProviderDisplayName < ActiveRecord::Migration[7.2]
  def up = remove_column(:posts, :provider_display_name)
  def down = raise(ActiveRecord::IrreversibleMigration)
end
