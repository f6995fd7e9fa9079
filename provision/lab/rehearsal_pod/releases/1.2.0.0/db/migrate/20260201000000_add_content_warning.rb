# In podfleet's catalogue as `expand`: the releases before run on with it.
class AddContentWarning < ActiveRecord::Migration[7.2]
  def change = add_column(:posts, :content_warning, :string)
end
